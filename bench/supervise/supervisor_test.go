package supervise

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"zmicroservices/test/harness"
)

// supervisor is one of those that are compared.
type supervisor struct {
	name string
	need string // how to get it; "" is always there

	// command writes what is needed to run n services in dir, and gives the
	// supervisor's command.
	command func(b *testing.B, dir, service string, n int) *exec.Cmd
	stop    syscall.Signal
}

// supervisors are those that are here. The first is the limit, the second is ours.
func supervisors(b *testing.B) []supervisor {
	all := []supervisor{
		{name: "bare loop", command: bare, stop: syscall.SIGTERM},
		{name: "zmicroservices", command: ours, stop: syscall.SIGTERM},
		{name: "runit", need: "apt-get install runit", command: runit, stop: syscall.SIGHUP},
		{name: "s6", need: "apt-get install s6", command: s6, stop: syscall.SIGTERM},
		{name: "supervisord", need: "apt-get install supervisor", command: supervisord, stop: syscall.SIGTERM},
		{name: "PM2", need: "npm install -g pm2", command: pm2, stop: syscall.SIGINT},
	}
	programs := map[string]string{"runit": "runsvdir", "s6": "s6-svscan", "supervisord": "supervisord", "PM2": "pm2-runtime"}
	var here []supervisor
	for _, s := range all {
		if *only != "" && s.name != *only && s.name != all[0].name {
			continue
		}
		if _, err := exec.LookPath(programs[s.name]); s.need != "" && err != nil {
			fmt.Printf("%s is not here: %s\n", s.name, s.need)
			continue
		}
		here = append(here, s)
	}
	return here
}

// bare is this test binary in the role of a loop.
func bare(b *testing.B, _, service string, n int) *exec.Cmd {
	cmd := exec.Command(harness.Self(b), service, fmt.Sprint(n))
	cmd.Env = append(os.Environ(), harness.RoleVariable+"="+loopRole)
	return cmd
}

func ours(b *testing.B, dir, service string, n int) *exec.Cmd {
	f := harness.File{}
	for i := range n {
		f.Tasks = append(f.Tasks, harness.Task{
			ID: fmt.Sprintf("ts%04d", i+1), Command: service, Process: `<restart policy="always"/>`,
		})
	}
	return exec.Command(harness.Tool(b, "service_context"), "--start", "--log_level=error", "--monitor_interval=0",
		"--state_dir="+filepath.Join(dir, "state"), "--runtime_dir="+dir, write(b, filepath.Join(dir, "Context.xml"), f.String()))
}

func supervisord(b *testing.B, dir, service string, n int) *exec.Cmd {
	conf := fmt.Sprintf(`[supervisord]
nodaemon=true
silent=true
minfds=20000
minprocs=10000
logfile=%[1]s/log
pidfile=%[1]s/pid
childlogdir=%[1]s
[program:s]
command=%[2]s
process_name=%%(process_num)d
numprocs=%[3]d
autorestart=true
startsecs=0
`, dir, service, n)
	return exec.Command("supervisord", "-c", write(b, filepath.Join(dir, "conf"), conf))
}

func runit(b *testing.B, dir, service string, n int) *exec.Cmd {
	return exec.Command("runsvdir", "-P", folders(b, dir, service, n))
}

func s6(b *testing.B, dir, service string, n int) *exec.Cmd {
	return exec.Command("s6-svscan", "-c", "2000", folders(b, dir, service, n))
}

// folders makes a folder with a program named run for each service.
func folders(b *testing.B, dir, service string, n int) string {
	b.Helper()
	scan := filepath.Join(dir, "scan")
	for i := range n {
		folder := filepath.Join(scan, fmt.Sprintf("s%04d", i))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.Symlink(service, filepath.Join(folder, "run")); err != nil {
			b.Fatal(err)
		}
	}
	return scan
}

func pm2(b *testing.B, dir, service string, n int) *exec.Cmd {
	apps := make([]map[string]any, n)
	for i := range apps {
		apps[i] = map[string]any{"name": fmt.Sprintf("s%04d", i), "script": service, "interpreter": "none", "exec_mode": "fork"}
	}
	text, err := json.Marshal(map[string]any{"apps": apps})
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command("pm2-runtime", "start", write(b, filepath.Join(dir, "ecosystem.json"), string(text)))
	cmd.Env = append(os.Environ(), "PM2_HOME="+dir)
	return cmd
}

func write(b *testing.B, path, text string) string {
	b.Helper()
	if err := os.WriteFile(path, []byte(strings.TrimLeft(text, "\n")), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}
