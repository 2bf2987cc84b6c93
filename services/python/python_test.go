// Package python_test runs the tests of the Python samples with those of Go.
package python_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// python is Debian's; a context runs the samples with it, too.
const python = "/usr/bin/python3"

func TestPythonSamplesPassTheirTests(t *testing.T) {
	if _, err := os.Stat(python); err != nil {
		complain := t.Skipf
		if os.Getenv("CI") == "true" {
			complain = t.Fatalf
		}
		complain("no %s (apt-get install python3)", python)
	}
	tests, err := filepath.Glob("*/test_*.py")
	if err != nil || len(tests) == 0 {
		t.Fatalf("found tests %v, %v", tests, err)
	}
	for _, test := range tests {
		cmd := exec.Command(python, "-B", filepath.Base(test))
		cmd.Dir = filepath.Dir(test)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", test, err, out)
		}
	}
}
