package abuse

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"zmicroservices/test/harness"
)

//go:embed testdata/stranger.py
var strangerProgram string

// nobody is a user that runs neither the provider nor the machine.
const nobody = 65534

// stranger is a pyzmq client of another user. It publishes the lines that it is
// given and hears everything.
type stranger struct {
	t   testing.TB
	in  io.Writer
	out *bufio.Reader
	n   int

	leave func()
}

func newStranger(t testing.TB, p *harness.Provider) *stranger {
	t.Helper()
	python := harness.Python(t)
	if os.Getuid() != 0 {
		t.Skip("only root can be another user")
	}
	cmd := exec.Command(python, "-c", strangerProgram, p.Subscribe, p.Publish)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, Pdeathsig: syscall.SIGKILL,
	}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &stranger{t: t, in: in, out: bufio.NewReader(out), leave: sync.OnceFunc(func() {
		_ = in.Close()
		_ = cmd.Wait() // it ends with its input
	})}
	t.Cleanup(s.leave)
	s.hear() // it has joined
	return s
}

func (s *stranger) hear() string {
	s.t.Helper()
	line, err := s.out.ReadString('\n')
	if err != nil {
		s.t.Fatalf("the stranger has ended: %v", err)
	}
	var frame string
	if err := json.Unmarshal([]byte(line), &frame); err != nil {
		s.t.Fatal(err)
	}
	return frame
}

// say publishes frames and gives all that is on the bus from the first of them to
// a word of its own behind the last.
func (s *stranger) say(frames ...string) []harness.Message {
	s.t.Helper()
	s.n++
	mark := fmt.Sprintf("stranger.mark%d", s.n)
	for _, frame := range append(frames, mark+" @@@ {}") {
		if _, err := io.WriteString(s.in, harness.JSON(frame)+"\n"); err != nil {
			s.t.Fatal(err)
		}
	}
	var heard []harness.Message
	for {
		frame := s.hear()
		if strings.HasPrefix(frame, mark) {
			return heard
		}
		heard = append(heard, harness.Parse([]byte(frame)))
	}
}

func TestAnotherUserCommandsNothing(t *testing.T) {
	for name, f := range map[string]harness.File{
		"tcp": {},
		// A socket file has a mode of 0600: that user cannot even connect. One of
		// the abstract namespace has none.
		"ipc": {
			Front: fmt.Sprintf("ipc://@zms-abuse-%d-front", os.Getpid()),
			Back:  fmt.Sprintf("ipc://@zms-abuse-%d-back", os.Getpid()),
		},
	} {
		t.Run(name, func(t *testing.T) { testStranger(t, f) })
	}
}

func testStranger(t *testing.T, f harness.File) {
	s := newSite(t, f)
	other := newStranger(t, s.Provider)
	task := harness.TaskObject("ts001", "Command", "")
	header := func(action, id, name, request string) map[string]any {
		return map[string]any{
			"action": action, "service_id": id, "service_name": name, "service_transaction": s.Transaction,
			"transaction": s.Transaction, "request_id": request,
		}
	}
	context := func(action, request string) string {
		return "context @@@ " + harness.JSON(map[string]any{
			"header":  header(action, "context001", "context", request),
			"content": map[string]any{"configuration": map[string]any{"TaskService": []any{task}}},
		})
	}
	process := harness.JSON(map[string]any{"Task": map[string]any{"message": map[string]any{
		"header": header("stop", "ts001", "command", "p1"),
	}}})
	state := harness.JSON(map[string]any{
		"header": header("request", "", "state", "s1"), "content": map[string]any{"configuration": map[string]any{}},
	})
	// Said in every way that some receiver would take for the topic.
	heard := other.say(
		context("stop", "c1"), context("start", "c2"), context("restart", "c3"), context("exit", "c4"),
		"\x85 "+context("exit", "c5"), "\u00a0"+context("exit", "c6"), strings.Replace(context("exit", "c7"), " @@@ ", "@@@", 1),
		"process @@@ "+process, "state @@@ "+state,
	)
	s.served("after a stranger's commands")
	answered := map[string]string{}
	for _, m := range append(heard, other.say()...) {
		switch {
		case m.Status["device_action"] == "command_result":
			request, _ := m.Status["request_id"].(string)
			reason, _ := m.Status["reason"].(string)
			if m.Status["result"] == "failed" {
				answered[request] = reason
			}
		case slices.Contains([]string{"context", "process", "state"}, m.Topic) && m.Transaction == s.Transaction:
			t.Errorf("forwarded, or obeyed: %v", m)
		}
	}
	for _, request := range []string{"c1", "c2", "c3", "c4", "p1", "s1"} {
		reason := answered[request]
		for _, want := range []string{fmt.Sprintf("uid %d", nobody), "may not command", "only uid 0", "root"} {
			if !strings.Contains(reason, want) {
				t.Errorf("%s was answered with %q, which has no %q", request, reason, want)
			}
		}
	}
	other.leave()
	s.recovered()
}
