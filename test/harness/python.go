package harness

import (
	"os"
	"os/exec"
	"testing"
)

// Python is an interpreter that has pyzmq. Without one the test is skipped, or
// fails where everything has to be judged.
func Python(t testing.TB) string {
	t.Helper()
	const python = "/usr/bin/python3"
	if exec.Command(python, "-c", "import zmq").Run() == nil {
		return python
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("no pyzmq: apt-get install python3-zmq")
	}
	t.Skip("no pyzmq: apt-get install python3-zmq")
	return ""
}
