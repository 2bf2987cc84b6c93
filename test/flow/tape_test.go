package flow

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"zmicroservices/taskservice/zmtp"
	"zmicroservices/test/harness"
)

// recorder is a conf_command record that goes on.
type recorder struct {
	t    *testing.T
	tool *harness.Running
	path string
}

func record(t *testing.T, p *harness.Provider, topics ...string) *recorder {
	t.Helper()
	r := &recorder{t: t, path: filepath.Join(t.TempDir(), "run.jsonl")}
	r.tool = p.Begin(append([]string{"record", "-o", r.path, p.File}, topics...)...)
	r.tool.Until("recording ")
	return r
}

// end interrupts it and gives its lines but for the first.
func (r *recorder) end() []map[string]any {
	r.t.Helper()
	if code := r.tool.Signal(syscall.SIGINT); code != 0 {
		r.t.Fatalf("record ended with %d: %s", code, r.tool.Said())
	}
	text, err := os.ReadFile(r.path)
	if err != nil {
		r.t.Fatal(err)
	}
	var entries []map[string]any
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e map[string]any
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			r.t.Fatal(err)
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 || entries[0]["recording"] != 1. || entries[0]["context"] != "context001" {
		r.t.Fatalf("no label in %s", text)
	}
	return entries[1:]
}

// frames are the bytes of entries, as JSON has them.
func frames(entries []map[string]any) []string {
	var all []string
	for _, e := range entries {
		text, _ := json.Marshal([]any{e["frame"], e["base64"], e["frames"]})
		all = append(all, string(text))
	}
	return all
}

func TestARecordingIsWholeAndIsPlayedBackByteForByte(t *testing.T) {
	file := harness.Write(t, harness.File{})
	p := harness.Start(t, file)
	first := record(t, p, "data.")
	c := harness.Publisher(t, p.Publish)
	long := strings.Repeat("\x00\xfe\xff", 100_000)
	const n = 3000
	for i := range n {
		frame := fmt.Sprintf("data.%d @@@ {\"n\":%d}", i%3, i)
		switch {
		case i%1000 == 999:
			frame += long
		case i%500 == 499: // of two frames
			if _, err := c.Write(append(zmtp.AppendFrame(nil, zmtp.More, []byte(frame)), zmtp.AppendFrame(nil, 0, []byte("\xff"))...)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := c.Send([]byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Send([]byte("others @@@ {}")); err != nil {
		t.Fatal(err)
	}
	sent(t, p, "others")
	wrote := first.end()
	if len(wrote) != n {
		t.Fatalf("%d of %d messages were recorded: %s", len(wrote), n, first.tool.Said())
	}
	for i, e := range wrote {
		if e["topic"] != fmt.Sprintf("data.%d", i%3) {
			t.Fatalf("message %d is %.100v", i, e)
		}
		if at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(e["at"])); err != nil || time.Since(at) > 2*harness.Patience {
			t.Fatalf("at %v: %v", e["at"], err)
		}
	}
	// Once more under other topics.
	second := record(t, p, "copy.")
	if r := p.Command("replay", first.path, p.File, "--to", "copy.", "--speed", "0"); r.Code != 0 || !strings.Contains(r.Stderr, fmt.Sprintf("%d of %[1]d messages", n)) {
		t.Fatalf("replay: %+v", r)
	}
	again := second.end()
	got, want := frames(again), frames(wrote)
	for i := range want {
		want[i] = strings.Replace(want[i], `"data.`, `"copy.data.`, 1)
		if strings.HasPrefix(want[i], `[null,"`) { // base64: compared with its prefix taken off
			got[i], want[i] = raw(t, again[i]), "copy."+raw(t, wrote[i])
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d messages were played back, and they differ", len(got))
	}
	p.Stop()
}

// raw is a frame that is no text.
func raw(t *testing.T, e map[string]any) string {
	t.Helper()
	var b []byte
	text, err := json.Marshal(e["base64"])
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// sent waits until the bus has counted a topic.
func sent(t *testing.T, p *harness.Provider, topic string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(harness.Patience); time.Now().Before(deadline); <-tick.C {
		r := p.Command("bus", p.File, "-o", "json")
		if r.Code != 0 {
			t.Fatalf("bus: %+v", r)
		}
		var report struct {
			Topics []struct{ Topic string }
		}
		if err := json.Unmarshal([]byte(r.Stdout), &report); err != nil {
			t.Fatal(err)
		}
		for _, x := range report.Topics {
			if x.Topic == topic {
				return
			}
		}
	}
	t.Fatalf("the bus does not know %s", topic)
}

func TestCommandsOfARecordingAreCarriedOutOnlyIfThatIsWanted(t *testing.T) {
	file := harness.Write(t, harness.File{Tasks: []harness.Task{{ID: "ts001", Command: "/bin/sleep 1000"}}})
	p := harness.Start(t, file)
	r := record(t, p)
	if c := p.Command("start", file); c.Code != 0 {
		t.Fatalf("start: %+v", c)
	}
	topics := map[string]bool{}
	for _, e := range r.end() {
		topics[fmt.Sprint(e["topic"])] = true
	}
	if !topics["context"] || !topics["process"] || !topics["control"] {
		t.Fatalf("recorded %v", topics)
	}
	if c := p.Command("stop", file); c.Code != 0 {
		t.Fatalf("stop: %+v", c)
	}
	if c := p.Command("replay", r.path, file, "--speed", "0"); c.Code != 1 || !strings.Contains(c.Stderr, "a message on context would be carried out") {
		t.Fatalf("replay: %+v", c)
	}
	bus := harness.Observe(t, p, "control")
	if c := p.Command("replay", r.path, file, "--commands"); c.Code != 0 {
		t.Fatalf("replay: %+v", c)
	}
	bus.Until("its start", func(m harness.Message) bool {
		return m.ServiceID == "ts001" && m.Action == "started" && m.Status["pid"] != nil
	})
	p.Stop()
}
