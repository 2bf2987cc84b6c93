package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zmicroservices/context/command"
)

// reel is a bus that is recorded, and played to.
type reel struct {
	recorded []command.BusMessage
	dropped  command.Flow
	topics   []string
	played   []command.BusMessage
	commands bool
	refuses  error
}

func (p *localProvider) Record(prefixes []string) (command.Recording, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reel.topics = prefixes
	return &running{p: p, finished: make(chan struct{})}, nil
}

func (p *localProvider) Play(_ command.Peer, frames [][]byte, commands bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reel.played, p.reel.commands = append(p.reel.played, command.BusMessage{At: time.Now(), Frames: frames}), commands
	return p.reel.refuses
}

// running is a recording of a reel.
type running struct {
	p        *localProvider
	next     int
	finished chan struct{} // closed by Finish
	once     bool
}

func (r *running) Next() ([][]byte, time.Time, error) {
	r.p.mu.Lock()
	all := r.p.reel.recorded
	r.p.mu.Unlock()
	if r.next == len(all) {
		<-r.finished
		return nil, time.Time{}, io.EOF
	}
	r.next++
	return all[r.next-1].Frames, all[r.next-1].At, nil
}

func (r *running) Waiting() bool { return r.next < len(r.p.reel.recorded) }

func (r *running) Finish(context.Context) {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	if !r.once {
		close(r.finished)
	}
	r.once = true
}
func (r *running) Dropped() command.Flow { return r.p.reel.dropped }
func (r *running) Close()                {}

// spoken makes a message of the reel.
func spoken(ms int, frames ...string) command.BusMessage {
	m := command.BusMessage{At: began.Add(time.Duration(ms) * time.Millisecond)}
	for _, f := range frames {
		m.Frames = append(m.Frames, []byte(f))
	}
	return m
}

// wholeBus is what may pass over a bus.
var wholeBus = []command.BusMessage{
	spoken(0, `frames @@@ {"n":1,"html":"<b>"}`), spoken(1, "frames @@@ \x00\xff"), spoken(2, "two words", "", "\xfe"), spoken(3, ""),
	spoken(4, "10001 25 60"), spoken(5, "\xff\xff"), spoken(6, "größer @@@ \u2028\"\\"),
}

func sameMessages(a, b []command.BusMessage, to string) bool {
	return slices.EqualFunc(a, b, func(x, y command.BusMessage) bool {
		want := slices.Clone(x.Frames)
		want[0] = slices.Concat([]byte(to), want[0])
		return slices.EqualFunc(want, y.Frames, bytes.Equal)
	})
}

func TestWhatIsRecordedIsPlayedBackByteForByte(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	p.reel.recorded = wholeBus
	tape := filepath.Join(t.TempDir(), "run.jsonl")
	program(t, "record", "-o", tape, file, "--for", "20ms").expect(t, 0, "", fmt.Sprintf("recording context001\n%d messages, ", len(wholeBus)))
	text, err := os.ReadFile(tape)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(text), "\n")
	if !strings.HasPrefix(head, `{"recording":1,"context":"context001","version":"`) || !strings.HasSuffix(head, `"topics":[]}`) {
		t.Errorf("label %s", head)
	}
	golden(t, "recording.jsonl", rest)
	if !slices.Equal(p.reel.topics, []string{""}) {
		t.Errorf("topics %q", p.reel.topics)
	}
	for _, to := range []string{"", "replay."} {
		p.reel.played = nil
		program(t, "replay", tape, file, "--to", to).expect(t, 0, "", fmt.Sprintf("%d of %d messages in ", len(wholeBus), len(wholeBus)))
		if !sameMessages(wholeBus, p.reel.played, to) || p.reel.commands {
			t.Errorf("played %q", p.reel.played)
		}
	}
}

func TestARecordingWithDropsIsAnError(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	p.reel.dropped = command.Flow{Messages: 17, Bytes: 3400}
	r := program(t, "record", file, "frames", "lidar", "--for", "1ms")
	r.expect(t, 1, `{"recording":1,`, "error: the recording is not whole: 17 messages (3.4 kB) were dropped\n")
	if !slices.Equal(p.reel.topics, []string{"frames", "lidar"}) {
		t.Errorf("topics %q", p.reel.topics)
	}
	program(t, "record", file, "-o", "/dev/full", "--for", "1h").expect(t, 1, "", "write /dev/full: ")
	program(t, "record", file, "-o", "/nowhere/x").expect(t, 2, "", "/nowhere/x")
	program(t, "record", file, "--for", "-1s").expect(t, 2, "", "--for -1s is negative")
}

func TestARecordingEndsWithAnInterrupt(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	p.reel.recorded = wholeBus
	ctx, interrupt := context.WithCancel(t.Context())
	var out, err shared
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"record", file}, testWorld(&out, &err)) }() // ends with the interrupt
	saw(t, &err, "recording context001\n")
	interrupt()
	if got := <-code; got != 0 || strings.Count(out.String(), "\n") != len(wholeBus)+1 {
		t.Errorf("code %d, %s\n%s", got, err.String(), out.String())
	}
}

// taping writes a recording.
func taping(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run.jsonl")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const tapeLabel = `{"recording":1,"context":"context001"}`

func entryAt(ms int, frame string) string {
	return fmt.Sprintf(`{"at":"%s","frame":%q}`, began.Add(time.Duration(ms)*time.Millisecond).Format(time.RFC3339Nano), frame)
}

func TestAReplayKeepsThePauses(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	tape := taping(t, tapeLabel, entryAt(0, "a"), entryAt(400, "b"), entryAt(300, "c"), entryAt(800, "d"))
	for speed, want := range map[string]time.Duration{"4": 200 * time.Millisecond, "8": 100 * time.Millisecond} {
		p.reel.played = nil
		program(t, "replay", tape, file, "--speed", speed).expect(t, 0, "", "4 of 4 messages")
		if len(p.reel.played) != 4 {
			t.Fatalf("played %v", p.reel.played)
		}
		// Never too early; how late is the machine's affair.
		if took := p.reel.played[3].At.Sub(p.reel.played[0].At); took < want-5*time.Millisecond {
			t.Errorf("at speed %s it took %v, want %v", speed, took, want)
		}
	}
	long := taping(t, tapeLabel, entryAt(0, "a"), entryAt(3_600_000, "b"))
	program(t, "replay", long, file, "--speed", "0").expect(t, 0, "", "2 of 2 messages")
	ctx, interrupt := context.WithCancel(t.Context())
	var out, err shared
	code := make(chan int, 1)
	p.reel.played = nil
	go func() { code <- run(ctx, []string{"replay", long, file}, testWorld(&out, &err)) }() // ends with the interrupt
	await(t, func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.reel.played) == 1 })
	interrupt()
	if got := <-code; got != 1 || !strings.Contains(err.String(), " of 2 messages in ") || !strings.Contains(err.String(), "interrupted") {
		t.Errorf("code %d, %s", got, err.String())
	}
}

// await waits for what nobody tells.
func await(t *testing.T, there func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(tooLong); !there(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("waited in vain")
		}
	}
}

func TestWhatWouldBeCarriedOutIsRefusedBeforeAnythingIsPlayed(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	for _, topic := range []string{"context", "process", "state"} {
		tape := taping(t, tapeLabel, entryAt(0, "frames @@@ {}"), entryAt(1, topic+" @@@ {}"))
		program(t, "replay", tape, file).expect(t, 1, "", "line 3: a message on "+topic+" would be carried out")
		if len(p.reel.played) > 0 {
			t.Fatalf("played %v", p.reel.played)
		}
		program(t, "replay", tape, file, "--to", "copy.").expect(t, 0, "", "2 of 2")
		program(t, "replay", tape, file, "--commands").expect(t, 0, "", "2 of 2")
		if len(p.reel.played) != 4 || !p.reel.commands {
			t.Errorf("played %v", p.reel.played)
		}
		p.reel.played = nil
	}
	p.reel.refuses = errors.New("no")
	program(t, "replay", taping(t, tapeLabel, entryAt(0, "frames")), file).expect(t, 1, "", "0 of 1 messages in ")
}

func TestWhatIsNoRecording(t *testing.T) {
	file := localFile(t)
	startLocal(t, file)
	for want, tape := range map[string]string{
		"it is no recording of conf_command record":         taping(t, entryAt(0, "x")),
		"it is of format 2, and this program reads up to 1": taping(t, `{"recording":2}`),
		"line 2: there is no frame":                         taping(t, tapeLabel, `{"at":"2026-11-21T12:00:00Z"}`),
		"line 3: there is no time of arrival":               taping(t, tapeLabel, entryAt(0, "x"), `{"frame":"x"}`),
		"line 2: a frame is text or base64, not both":       taping(t, tapeLabel, `{"frame":"x","base64":"eA=="}`),
		"line 2: ": taping(t, tapeLabel, `{"at":`),
		"read recording: open /nowhere/run.jsonl: no such file ": "/nowhere/run.jsonl",
	} {
		program(t, "replay", tape, file).expect(t, 2, "", want)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	program(t, "replay", empty, file).expect(t, 2, "", "it is empty")
	program(t, "replay", empty, file, "ts001").expect(t, 2, "", "accepts between 1 and 2 arg(s)")
	program(t, "replay", empty, file, "--speed", "-1").expect(t, 2, "", "--speed -1 is no speed")
	program(t, "replay").expect(t, 2, "", "accepts between 1 and 2 arg(s)")
	t.Setenv("ZMS_RUNTIME_DIR", t.TempDir())
	program(t, "replay", taping(t, tapeLabel), file).expect(t, 3, "", "context001 has no provider on this machine")
	program(t, "record", file).expect(t, 3, "", "context001 has no provider on this machine")
}
