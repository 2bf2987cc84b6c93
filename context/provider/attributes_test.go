package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// process is a TaskService by command with more in its <Process>.
func process(id, command, more string) string {
	return strings.Replace(service(id, command, ""), "</Process>", more+"</Process>", 1)
}

// written gives what a service has left in a file of its state directory.
func (s *stage) written(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.opts.StateDir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

func TestAFileOfVariablesIsReadAtEveryStart(t *testing.T) {
	c := file(t, process("ts001", `/bin/sh -c 'printf %s "$GREETING" &gt;"$ZMS_STATE_DIR/said"'`, `<env file="vars"/>`))
	vars := filepath.Join(filepath.Dir(c.File), "vars")
	s := start(t, c)
	s.say("start")
	started := s.hear("ts001", "started")
	if reason := fmt.Sprint(started.Status["reason"]); started.Status["result"] != "failure" || !strings.Contains(reason, vars) {
		t.Errorf("without the file: %v", started.Status)
	}
	for _, want := range []string{"two words", "others"} {
		if err := os.WriteFile(vars, []byte("# greetings\nGREETING=\""+want+"\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.say("start")
		s.hear("ts001", "stopped")
		if got := s.written("said"); got != want {
			t.Errorf("the service saw %q, want %q", got, want)
		}
	}
}

func TestAttributesReachTheService(t *testing.T) {
	s := start(t, file(t, process("ts001",
		`/bin/sh -c 'umask &gt;"$ZMS_STATE_DIR/said"; ulimit -Sn &gt;&gt;"$ZMS_STATE_DIR/said"; ulimit -Hc &gt;&gt;"$ZMS_STATE_DIR/said"; nice &gt;&gt;"$ZMS_STATE_DIR/said"'`,
		`<umask>037</umask><nice>19</nice><limits nofile="64:128" core="0"/>`)))
	s.say("start")
	s.hear("ts001", "stopped")
	if got := s.written("said"); got != "0037\n64\n0\n19\n" {
		t.Errorf("the service saw %q", got)
	}
}

func TestAnAttributeThatIsRefusedIsAFailedStartThatNamesIt(t *testing.T) {
	s := start(t, file(t, process("ts001", "/bin/true", `<user>no-such-one</user>`)+process("ts002", "/bin/true", `<affinity>1023</affinity>`)))
	s.say("start")
	for range 2 {
		started := s.hear2("ts001", "ts002", "started")
		want := map[string]string{"ts001": "find user no-such-one: there is no such user", "ts002": "set affinity to 1023: invalid argument"}[started.Header.ServiceID]
		if reason := fmt.Sprint(started.Status["reason"]); started.Status["result"] != "failure" || !strings.Contains(reason, want) {
			t.Errorf("%s: got %v, want %q", started.Header.ServiceID, started.Status, want)
		}
	}
}
