package launch

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// defaultPython is Debian's: the one that python3-zmq is installed for.
const defaultPython = "/usr/bin/python3"

// python plans a main.py: by its #! line, executable or not, else by the
// default interpreter.
func (r *Resolver) python(dir, script, instance string) (*Plan, error) {
	argv, err := shebang(script)
	if err != nil {
		return nil, fmt.Errorf("read first line: %w", err)
	}
	if len(argv) == 0 {
		argv = []string{r.Python}
		if r.Python == "" {
			argv[0] = defaultPython
		}
	}
	if remark := unrunnable(argv[0]); remark != "" || !filepath.IsAbs(argv[0]) {
		return nil, &NotFoundError{
			Instance: instance,
			Tried:    []string{script + " by " + argv[0] + remark},
			Help:     "mend the first line of " + script + ", or install the interpreter (apt-get install python3 python3-zmq)",
		}
	}
	return &Plan{Path: argv[0], Argv: append(argv, script), Dir: dir}, nil
}

// maxShebang is BINPRM_BUF_SIZE: the kernel looks no further (execve(2)).
const maxShebang = 256

// shebang reads the #! line of a script as the kernel does: the interpreter,
// then at most one argument, which may hold blanks. Without such a line it is
// empty. A carriage return at the end, on which the kernel chokes, is dropped.
func shebang(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	head := make([]byte, maxShebang)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	line, found := bytes.CutPrefix(head[:n], []byte("#!"))
	if !found {
		return nil, nil
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	text := strings.Trim(string(line), " \t\r")
	if text == "" {
		return nil, nil
	}
	cut := strings.IndexAny(text, " \t")
	if cut < 0 {
		return []string{text}, nil
	}
	return []string{text[:cut], strings.Trim(text[cut:], " \t")}, nil
}
