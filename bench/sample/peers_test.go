package sample

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v3/process"
)

// psutil looks at processes by Debian's psutil. Its objects are kept, as its README
// says, so that CPU percentages mean something.
type psutil struct {
	b   *testing.B
	in  io.WriteCloser
	out *bufio.Reader
}

const script = `
import psutil, sys, time
every = [psutil.Process(int(p)) for p in sys.stdin.readline().split()]
def look(p):
    p.status(); p.memory_info(); p.memory_percent(); p.cpu_percent(); p.num_threads(); p.threads(); p.children(recursive=True)
    p.num_fds(); p.open_files(); p.connections(kind='all'); p.io_counters(); p.num_ctx_switches()
print('ready', flush=True)
for line in sys.stdin:
    began = time.process_time()
    for p in every: look(p)
    print(time.process_time() - began, flush=True)
`

// newPsutil gives nil, and says why, if there is none.
func newPsutil(b *testing.B, pids []int) *psutil {
	b.Helper()
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import psutil").Run(); err != nil {
		b.Log("psutil is left out: apt-get install python3-psutil")
		return nil
	}
	cmd := exec.Command(python, "-c", script)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	p := &psutil{b, in, bufio.NewReader(out)}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	p.ask(strings.Trim(fmt.Sprint(pids), "[]"))
	return p
}

func (p *psutil) ask(line string) string {
	p.b.Helper()
	if _, err := fmt.Fprintln(p.in, line); err != nil {
		p.b.Fatal(err)
	}
	answer, err := p.out.ReadString('\n')
	if err != nil {
		p.b.Fatal(err)
	}
	return strings.TrimSpace(answer)
}

func (p *psutil) look() time.Duration {
	p.b.Helper()
	seconds, err := strconv.ParseFloat(p.ask("look"), 64)
	if err != nil {
		p.b.Fatal(err)
	}
	return time.Duration(seconds * float64(time.Second))
}

// gopsutil looks at processes call by call. That they have no children is an error of
// it, which is not looked at.
func gopsutil(b *testing.B, pids []int) []*process.Process {
	b.Helper()
	var every []*process.Process
	for _, pid := range pids {
		p, err := process.NewProcess(int32(pid))
		if err != nil {
			b.Fatal(err)
		}
		every = append(every, p)
	}
	return every
}

func lookByGopsutil(every []*process.Process) {
	for _, p := range every {
		_, _ = p.Status()
		_, _ = p.MemoryInfo()
		_, _ = p.MemoryPercent()
		_, _ = p.Percent(0)
		_, _ = p.NumThreads()
		_, _ = p.Threads()
		_, _ = p.Children()
		_, _ = p.NumFDs()
		_, _ = p.OpenFiles()
		_, _ = p.Connections()
		_, _ = p.IOCounters()
		_, _ = p.NumCtxSwitches()
	}
}
