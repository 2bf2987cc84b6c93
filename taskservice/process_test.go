package taskservice

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

func TestAProcessStartedByHand(t *testing.T) {
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	env := []string{
		"ZMS_SERVICE_ID=ts001", "ZMS_TRANSACTION=t", "ZMS_CONFIG={}",
		"ZMS_FRONTEND=tcp://127.0.0.1", "ZMS_BACKEND=tcp://" + nobody.Addr().String(),
	}
	for name, row := range map[string]struct {
		args, env      []string
		code           int
		stdout, stderr string
	}{
		"for help":                  {[]string{"--help"}, nil, 0, "ZMS_FRONTEND=", ""},
		"for help in a context":     {[]string{"-h"}, env, 0, "ZMS_FRONTEND=", ""},
		"with nothing":              {nil, []string{"HOME=/", "ZMS_CONTEXT=Context.xml"}, 2, "", "Name it in a Context file"},
		"with half an environment":  {nil, env[:1], 2, "", "ZMS_TRANSACTION is missing; ZMS_FRONTEND is missing"},
		"with an unknown flag":      {[]string{"--fast"}, env, 2, "", "flag provided but not defined: -fast; --help says more"},
		"with a wrong time":         {[]string{"--stop_timeout", "x"}, env, 2, "", "invalid value"},
		"with a wrong level":        {[]string{"--log_level", "x"}, env, 2, "", "invalid value"},
		"with an argument":          {[]string{"x"}, env, 2, "", `unexpected argument "x"`},
		"with an endpoint that isn": {nil, env, 1, "", "missing port"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			code := process("echo", func(Config) (Task, error) { panic("no task is wanted here") }, row.args, row.env, &stdout, &stderr)
			if code != row.code || !strings.Contains(stdout.String(), row.stdout) || !strings.Contains(stderr.String(), row.stderr) {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
			}
			if row.stdout == "" && stdout.Len() > 0 || row.stderr == "" && stderr.Len() > 0 {
				t.Errorf("stdout %q, stderr %q", stdout.String(), stderr.String())
			}
			if row.code == 1 && strings.Count(stderr.String(), "\n") != 1 {
				t.Errorf("stderr %q is not one line", stderr.String())
			}
		})
	}
}

func TestABusThatIsNotThere(t *testing.T) {
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	c := birth
	c.Frontend = "tcp://" + nobody.Addr().String()
	c.Backend = c.Frontend
	factory := func(Config) (Task, error) { panic("no task is wanted here") }
	if err := Run(t.Context(), c, factory, WithJoinTime(50*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, c, factory); err != nil {
		t.Errorf("asked to stop while it joined: %v", err)
	}
}
