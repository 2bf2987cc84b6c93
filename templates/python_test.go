package templates_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"zmicroservices/templates"
)

// python is Debian's; its pyzmq comes from the package python3-zmq.
const python = "/usr/bin/python3"

// needPython skips the test, or fails it in CI, if the interpreter cannot import
// the module.
func needPython(t *testing.T, module, install string) {
	t.Helper()
	if err := exec.Command(python, "-c", "import "+module).Run(); err != nil {
		complain := t.Skipf
		if os.Getenv("CI") == "true" {
			complain = t.Fatalf
		}
		complain("%s cannot import %s (apt-get install %s): %v", python, module, install, err)
	}
}

// written puts the files of a service into a directory of its own.
func written(t *testing.T, s templates.Service) string {
	t.Helper()
	files, err := s.Files()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, file := range files {
		if err := os.WriteFile(filepath.Join(dir, file.Name), file.Data, file.Mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestPythonServicePassesItsOwnTest(t *testing.T) {
	needPython(t, "unittest", "python3")
	for _, kind := range templates.Kinds {
		cmd := exec.Command(python, "-m", "unittest", "-v")
		cmd.Dir = written(t, echo(templates.Python, kind))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", kind, err, out)
		}
	}
}

func TestPythonServiceOnTheBus(t *testing.T) {
	needPython(t, "zmq", "python3-zmq")
	looped := written(t, echo(templates.Python, templates.Looped))
	single := written(t, echo(templates.Python, templates.Single))
	out, err := exec.Command(python, "testdata/on_the_bus.py", looped, single).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
