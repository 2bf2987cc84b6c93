package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "rewrite golden files")

func TestTheHelp(t *testing.T) {
	var out, err strings.Builder
	if code := run(t.Context(), []string{"--help"}, &out, &err); code != 0 || err.String() != "" {
		t.Fatalf("code %d, %s", code, err.String())
	}
	const path = "testdata/root.help"
	if *update {
		if err := os.WriteFile(path, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, fault := os.ReadFile(path)
	if fault != nil {
		t.Fatal(fault)
	}
	if out.String() != string(want) {
		t.Errorf("%s differs; got\n%s", path, out.String())
	}
}

func TestHowItEnds(t *testing.T) {
	t.Setenv("ZMS_CONTEXT", "")
	dir := t.TempDir()
	database := " --database " + filepath.Join(dir, "w.db")
	for args, want := range map[string]struct {
		code     int
		out, err string
	}{
		"--version":                            {0, "watchdog version devel\n", ""},
		"":                                     {2, "", "error: nobody to watch: name a Context file, --frontend and --backend, or --mqtt\n"},
		"a.xml b.xml":                          {2, "", "error: accepts at most 1 arg(s), received 2\n"},
		"a.xml --context_file b.xml":           {2, "", "error: one Context file, not both --context_file b.xml and a.xml\n"},
		"/nonexistent.xml":                     {2, "", "error: read context file: open /nonexistent.xml: no such file or directory\n"},
		"--frontend tcp://127.0.0.1:1":         {2, "", "error: --frontend and --backend belong together: a watchdog hears and speaks\n"},
		"--mqtt-usr x":                         {2, "", "error: unknown flag: --mqtt-usr; did you mean --mqtt_user?\n"},
		"--mqtt tcp://x":                       {2, "", "error: broker tcp://x: tcp is neither mqtt nor mqtts\n"},
		"--mqtt mqtt://dog:sesame@x":           {2, "", "error: broker: user and password do not belong into the URL, which ps and logs show: use mqtt_user and mqtt_password_file\n"},
		"--mqtt_qos 1 --ping_interval z":       {2, "", "error: ping_interval: time: invalid duration \"z\"; mqtt_qos without mqtt: say which broker\n"},
		"--mqtt mqtt://x --log_format z":       {2, "", "error: --log_format \"z\" is neither text nor json\n"},
		"--mqtt mqtt://127.0.0.1:1" + database: {3, "", "error: nobody listens on tcp://127.0.0.1:1 (is the broker running? --wait waits for it)\n"},
		"--frontend ipc:///nonexistent/a --backend ipc:///nonexistent/b" + database: {3, "", "error: nobody listens on ipc:///nonexistent/a\n"},
		"__complete --mqtt_qos ":  {0, "0\n1\n2\n", "Completion ended"},
		"__complete --log_level ": {0, "debug\ninfo\n", "Completion ended"},
		"__complete ":             {0, "xml\n", "Completion ended"},
		"completion bash":         {0, "bash completion V2 for watchdog", ""},
	} {
		var out, err strings.Builder
		words := strings.Split(args, " ")
		if args == "" {
			words = []string{}
		}
		code := run(t.Context(), words, &out, &err)
		if code != want.code || !strings.Contains(out.String(), want.out) || !strings.HasPrefix(err.String(), want.err) || want.err == "" && err.String() != "" {
			t.Errorf("%q: code %d\nstdout: %s\nstderr: %s", args, code, out.String(), err.String())
		}
	}
	if found, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(found) > 0 {
		t.Errorf("%v was made before there was anybody to watch (%v)", found, err)
	}
}
