package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheSDKNeedsTheModulesThatItSaysItNeeds(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "zmicroservices/taskservice").Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := strings.Fields(string(out))
	slices.Sort(modules)
	modules = slices.DeleteFunc(slices.Compact(modules), func(m string) bool { return m == sdkModule })
	if diff := cmp.Diff(modules, sdkNeeds); diff != "" {
		t.Errorf("sdkNeeds is not what taskservice imports (-go list +sdkNeeds):\n%s", diff)
	}
}

func TestTheSDKHasNoTests(t *testing.T) {
	files, err := sdkFiles()
	if err != nil {
		t.Fatal(err)
	}
	for name := range files {
		if strings.HasSuffix(name, "_test.go") || strings.Contains(name, "testdata") {
			t.Errorf("the SDK has %s", name)
		}
	}
	for _, name := range []string{"go.mod", "go.sum", "LICENSE", "taskservice/main.go", "taskservice/message/frame.go"} {
		if files[name] == nil {
			t.Errorf("the SDK lacks %s", name)
		}
	}
}

func TestRequirementsAreFoundInEveryFormOfGoMod(t *testing.T) {
	got := requirements(`module m

go 1.26

require golang.org/x/sync v0.24.0
require (
	github.com/go-zeromq/zmq4 v0.17.0 // indirect
	"golang.org/x/other" v1.0.0
	golang.org/x/text v0.15.0
)
`)
	want := map[string]string{
		"golang.org/x/sync": "v0.24.0", "github.com/go-zeromq/zmq4": "v0.17.0", "golang.org/x/text": "v0.15.0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
