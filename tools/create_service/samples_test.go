package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// edited are the files of the samples that have more in them than create_service
// wrote: what the tasks do.
var edited = []string{
	"Context-StateMachine.xml",
	"EchoAction/EchoAction.go", "EchoAction/EchoAction_test.go",
	"Stand/Stand.go", "Stand/Stand_test.go", "Walk/Walk.go", "Walk/Walk_test.go",
	"Run/Run.go", "Run/Run_test.go", "WakeUp/WakeUp.go", "CheckEmails/CheckEmails.go",
	// This one is part of two contexts.
	"DrinkCoffee/DrinkCoffee.go", "DrinkCoffee/DrinkCoffee_test.go",
	"DrinkCoffee/ServiceDrinkCoffee.go", "DrinkCoffee/main.go",
	"WakeUp/WakeUp.py", "CheckEmails/CheckEmails.py", "DrinkCoffee/DrinkCoffee.py",
}

// TestTheSamplesAreWhatWeGenerate makes the samples anew beside copies of the
// ones that we ship, and expects to find nothing to write but what was edited.
func TestTheSamplesAreWhatWeGenerate(t *testing.T) {
	root := t.TempDir()
	repo := filepath.Join("..", "..")
	for _, dir := range []string{"conf", "services"} {
		if err := os.CopyFS(filepath.Join(root, dir), os.DirFS(filepath.Join(repo, dir))); err != nil {
			t.Fatal(err)
		}
	}
	// Python samples have a directory of their own below services.
	python := filepath.Join(root, "python")
	if err := os.CopyFS(filepath.Join(python, "services"), os.DirFS(filepath.Join(repo, "services", "python"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte("module zmicroservices\n\ngo 1.26\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(root, "conf")
	for _, args := range [][]string{
		{"--xml_file", filepath.Join(conf, "Services-StateMachine.xml")},
		{"--xml_file", filepath.Join(conf, "Services-SampleServices.xml")},
		{
			"--service_path", root, "--task_service", "EchoAction", "--task_class", "EchoShouting",
			"--task_desc", "An echo action is for shouting the time after counting 10s", "--context_name", "EchoAction",
			"--service_name", "echo_action", "--server_ip", "127.0.0.1", "--sub_port", "5556", "--pub_port", "5557",
			"--task_id", "ts_100", "--device_action", "shout",
		},
		{
			"--xml_file", filepath.Join(conf, "Services-SampleServices.xml"), "--task_lang", "python",
			"--service_path", python, "--home_path", root, "--context_name", "SampleServicesPython",
		},
	} {
		var out, errs strings.Builder
		if code := run(append(args, "--no_build"), &out, &errs); code != exitDone {
			t.Fatalf("%v: exit %d: %s", args, code, errs.String())
		}
		for line := range strings.Lines(out.String()) {
			words := strings.Fields(line)
			if words[0] != unchanged && !(words[0] == kept && isEdited(words[1])) {
				t.Errorf("%v:\n%s", args, line)
			}
		}
	}
}

func isEdited(path string) bool {
	for _, name := range edited {
		if strings.HasSuffix(path, name) {
			return true
		}
	}
	return false
}
