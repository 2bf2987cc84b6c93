package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"zmicroservices/conf"
	"zmicroservices/context/command"
)

// recording are the options of record.
type recording struct {
	options
	to       string
	duration time.Duration
}

func newRecord(w world) *cobra.Command {
	var o recording
	cmd := &cobra.Command{
		Use:   "record [-o FILE] CONTEXT.xml [topic...]",
		Short: "Record the messages of the bus",
		Long: `Write every message of the bus whose topic begins with one of those named, or all,
to a file, one JSON object a line, until interrupted: the time of its arrival,
its topic, and its bytes as text or base64. replay plays it back.

A recording is whole, or it is an error: messages that there was no room for,
because the disk was slower than the bus for too long, are counted, and the
exit code is 1.`,
		Example: `  conf_command record -o run.jsonl conf/Context-EchoAction.xml
  conf_command record -o run.jsonl conf/Context-EchoAction.xml frames lidar --for 10s
  conf_command record conf/Context-EchoAction.xml control | jq -r .frame`,
		RunE: func(cmd *cobra.Command, args []string) error { return runRecord(cmd.Context(), w, o, args) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&o.to, "output", "o", "-", "file to write; -: stdout")
	f.DurationVar(&o.duration, "for", 0, "end after this time; 0: when interrupted")
	o.registerFile(f)
	f.StringVar(&o.runtimeDir, "runtime_dir", "", "directory of the control sockets (also $ZMS_RUNTIME_DIR)")
	completeTape(cmd)
	return cmd
}

// completeTape offers Context files, and recordings for -o.
func completeTape(cmd *cobra.Command) {
	// The only error of these is a flag that does not exist.
	if err := errors.Join(cmd.MarkFlagFilename("output", "jsonl"), cmd.MarkFlagFilename("context_file", "xml")); err != nil {
		panic(err)
	}
	cmd.ValidArgsFunction = completeFile
}

func runRecord(ctx context.Context, w world, o recording, args []string) error {
	if o.duration < 0 {
		return fmt.Errorf("--for %s is negative", o.duration)
	}
	file, topics, err := o.load(args)
	if err != nil {
		return err
	}
	c, err := dialLocal(ctx, o.options, file)
	if err != nil {
		return err
	}
	defer c.Close()
	out, done, err := o.open(w)
	if err != nil {
		return err
	}
	err = o.record(ctx, w, c, file, topics, out)
	if failure := done(); failure != nil && err == nil {
		err = failed("write %s: %w", o.to, failure)
	}
	return err
}

// open gives where to write to, and what ends that.
func (o recording) open(w world) (io.Writer, func() error, error) {
	if o.to == "-" {
		return w.out, func() error { return nil }, nil
	}
	// What is said on a bus is not for everybody.
	f, err := os.OpenFile(o.to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, nil, err
	}
	return f, f.Close, nil
}

// taped is what a recording holds.
type taped struct {
	messages, bytes uint64
	out             *bufio.Writer
	enc             *json.Encoder
}

func newTaped(out io.Writer) *taped {
	t := &taped{out: bufio.NewWriterSize(out, 256<<10)}
	t.enc = json.NewEncoder(t.out)
	t.enc.SetEscapeHTML(false)
	return t
}

func (t *taped) add(messages []command.BusMessage) error {
	for _, m := range messages {
		if err := t.enc.Encode(entryOf(m)); err != nil {
			return err
		}
		t.messages++
		for _, f := range m.Frames {
			t.bytes += uint64(len(f))
		}
	}
	return t.out.Flush()
}

// record writes a recording until ctx ends, or its time is over.
func (o recording) record(ctx context.Context, w world, c *command.Client, file *conf.Context, topics []string, out io.Writer) error {
	work, end := context.WithCancel(ctx)
	defer end()
	t := newTaped(out)
	began := time.Now()
	err := t.enc.Encode(label{Recording: tapeFormat, Context: file.ContextID, Version: c.Hello().Version, Began: began.UTC(), Topics: append([]string{}, topics...)})
	if err == nil {
		err = t.out.Flush()
	}
	if err != nil {
		return failed("write %s: %w", o.to, err)
	}
	over := time.AfterFunc(time.Hour, end)
	over.Stop()
	defer over.Stop()
	dropped, err := c.Record(work, topics, func() {
		began = time.Now()
		if o.duration > 0 { // counted from here: joining is not recording
			over.Reset(o.duration)
		}
		fmt.Fprintf(w.err, "recording %s\n", file.ContextID)
	}, func(messages []command.BusMessage) error {
		if err := t.add(messages); err != nil {
			return failed("write %s: %w", o.to, err)
		}
		return nil
	})
	fmt.Fprintf(w.err, "%s messages, %s, in %s\n", short(float64(t.messages)), amount(float64(t.bytes)), time.Since(began).Round(time.Millisecond))
	var f *failure
	switch {
	case errors.As(err, &f):
		return err
	case errors.Is(err, command.ErrGone):
		return failed("the provider went away: the recording ends there, and may lack its last messages")
	case err != nil:
		return failed("record: %w", err)
	case dropped.Messages > 0:
		return failed("the recording is not whole: %d messages (%s) were dropped", dropped.Messages, amount(float64(dropped.Bytes)))
	}
	return nil
}
