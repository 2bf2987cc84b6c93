package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestTheHelp(t *testing.T) {
	for name, args := range map[string][]string{"root.help": {"--help"}, "view.help": {"view", "--help"}, "tally.help": {"tally", "--help"}} {
		var out, err strings.Builder
		if code := run(t.Context(), args, &out, &err); code != 0 || err.String() != "" {
			t.Errorf("%q: code %d, %s", args, code, err.String())
		}
		path := filepath.Join("testdata", name)
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
}

func TestHowItEnds(t *testing.T) {
	t.Setenv("ZMS_CONTEXT", "")
	for args, want := range map[string]struct {
		code     int
		out, err string
	}{
		"--version":                              {0, "lifecycle version devel\n", ""},
		"":                                       {2, "", "error: the verb is missing: lifecycle view or tally; lifecycle --help says more\n"},
		"viw":                                    {2, "", "error: unknown verb \"viw\"; did you mean view?\n"},
		"dance":                                  {2, "", "error: unknown verb \"dance\"; lifecycle --help lists them\n"},
		"view":                                   {2, "", "error: nothing to view: name a Context file or --endpoint\n"},
		"view --endpiont x":                      {2, "", "error: unknown flag: --endpiont; did you mean --endpoint?\n"},
		"view --endpoint x":                      {2, "", "error: endpoint \"x\": wanted is tcp://host:port or ipc://path\n"},
		"view --endpoint ipc:///nonexistent/bus": {3, "", "error: nobody listens on ipc:///nonexistent/bus\n"},

		"tally": {2, "", "error: nothing to count: name a Context file or --endpoint\n"},
		"tally --endpoint ipc:///nonexistent/bus --port 0":        {3, "", "error: nobody listens on ipc:///nonexistent/bus\n"},
		"tally --endpoint x --port 0":                             {2, "", "error: endpoint \"x\": wanted is tcp://host:port or ipc://path\n"},
		"tally --endpoint tcp://127.0.0.1:1 --port 70000":         {2, "", "error: port 70000 is none\n"},
		"tally --endpoint tcp://127.0.0.1:1 --address everywhere": {2, "", "error: address \"everywhere\" is no IP address"},
		"tally --endpoint tcp://127.0.0.1:1 --prefix 7up":         {2, "", "error: prefix \"7up\" begins no metric's name"},
		"tally --endpoint tcp://127.0.0.1:1 --horizon 0s":         {2, "", "error: --horizon 0s: it is to be above 0\n"},
		"tally --endpoint tcp://127.0.0.1:1 --component a\tb":     {2, "", "error: component"},
		"tally no-such-file.xml":                                  {2, "", "error: read context file: open no-such-file.xml"},

		"__complete view --type s":  {0, "startup\nshutdown\n", "Completion ended"},
		"__complete view --output ": {0, "table\njson\n", "Completion ended"},
		"__complete vi":             {0, "view\tFollow the life cycle events of a bus\n", "Completion ended"},
		"completion bash":           {0, "bash completion V2 for lifecycle", ""},
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
}
