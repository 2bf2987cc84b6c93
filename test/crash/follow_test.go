package crash

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"

	"zmicroservices/test/harness"
)

// Who follows a log misses no line and sees none twice when the provider is killed and
// comes back: it goes on from the files, which the keeper writes all the time.
func TestAFollowedLogGoesOnWhenTheProviderIsKilled(t *testing.T) {
	b := newBench(t, 1, talker)
	b.start()
	b.settled(1)
	cmd := exec.Command(harness.Tool(t, "conf_command"), "logs", "-f", b.file)
	cmd.Env = append(os.Environ(), "ZMS_RUNTIME_DIR="+b.runtime)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var seen atomic.Int64
	read := make(chan struct{}) // closed at the end of the output
	go func() {                 // ends with the command
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if n := seen.Load() + 1; lines.Text() != fmt.Sprintf("ts000 | line %d", n) {
				t.Errorf("%q after line %d", lines.Text(), n-1)
			}
			seen.Add(1)
		}
	}()
	goesOn := func(what string) {
		t.Helper()
		before := seen.Load()
		await(t, "lines "+what, func() bool { return seen.Load() > before+5 })
	}
	goesOn("to be followed")
	for range 2 {
		b.kill()
		goesOn("without a provider")
		b.start()
		goesOn("under the next one")
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-read
	if err := cmd.Wait(); err != nil {
		t.Errorf("logs -f ended with %v", err)
	}
	if !bytes.Contains(said.Bytes(), []byte("the provider went away")) {
		t.Errorf("it said %q", said.String())
	}
	b.stop()
}
