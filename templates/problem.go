package templates

import (
	"embed"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Problem is one thing that is wrong with a Service. Field is the name of the
// flag of create_service, which is the name of the XML element as well.
type Problem struct {
	Field  string
	Reason string
}

func (p Problem) String() string { return p.Field + ": " + p.Reason }

// Problems are all reasons why the service cannot be written, in the order of
// the fields; none if it can. Lang and Kind may be wrong, too.
func (s Service) Problems() []Problem {
	var found []Problem
	add := func(field, format string, args ...any) {
		found = append(found, Problem{field, fmt.Sprintf(format, args...)})
	}
	if !slices.Contains(Langs, s.Lang) {
		add("task_lang", "%q is none of %s", s.Lang, list(Langs))
	}
	if !slices.Contains(Kinds, s.Kind) {
		add("task_type", "%q is none of %s", s.Kind, list(Kinds))
	}
	for _, name := range []struct{ field, value string }{
		{"task_service", s.Name}, {"task_file", s.File}, {"task_class", s.Class},
	} {
		if reason := s.nameProblem(name.field, name.value); reason != "" {
			add(name.field, "%s", reason)
		}
	}
	if strings.TrimSpace(s.Description) == "" {
		add("task_desc", "is empty")
	} else if !printable(s.Description) {
		add("task_desc", "%q has characters that XML cannot hold", s.Description)
	}
	if s.ServiceName == "" {
		add("service_name", "is empty")
	} else if !printable(s.ServiceName) || strings.ContainsFunc(s.ServiceName, unicode.IsSpace) {
		add("service_name", "%q is not one word", s.ServiceName)
	}
	if s.Lang == Python {
		// The kernel reads the first line up to the first space or the end.
		if !path.IsAbs(s.Interpreter) || strings.ContainsFunc(s.Interpreter, unicode.IsSpace) || !printable(s.Interpreter) {
			add("python", "%q is not an absolute path without spaces", s.Interpreter)
		}
	}
	return found
}

var identifier = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// bundled are the instances that a context runs itself: files of these names
// would never be looked at.
var bundled = []string{"Monitor", "Watchdog", "Tally", "Scheduler"}

// nameProblem says why a name will not do as directory, file and identifier.
func (s Service) nameProblem(field, name string) string {
	switch {
	case name == "":
		return "is empty"
	case !identifier.MatchString(name):
		return fmt.Sprintf("%q is no identifier (letters, digits and _, a letter first)", name)
	case field == "task_service" && s.Lang != Command && slices.Contains(bundled, name):
		return fmt.Sprintf("%q is a task that the context brings along; choose another name", name)
	case s.Lang == Go && field != "task_class" && goSuffix(name) != "":
		return fmt.Sprintf("%q: Go gives files that end in _%s a meaning of their own", name, goSuffix(name))
	case field == "task_file" && slices.Contains(s.otherFiles(), name):
		return fmt.Sprintf("%q is the name of another file of this service", name)
	case field == "task_class" && name == "Service"+s.Name:
		return fmt.Sprintf("%q is the name of the service's own type", name)
	case s.Lang == Go && field == "task_class" && slices.Contains(reservedGo, name),
		s.Lang == Python && field != "task_service" && slices.Contains(reservedPython, name):
		return fmt.Sprintf("%q means something else in %s; choose another name", name, s.Lang)
	}
	return ""
}

// otherFiles are the base names that the task's file must leave alone.
func (s Service) otherFiles() []string {
	if s.Lang == Python {
		return []string{"main", "__init__", "Service" + s.Name, "test_" + s.Name}
	}
	return []string{"main", "Service" + s.Name}
}

// goSuffix is the part of a file name by which the go command would leave the
// file out: of a test, or of a file for one system or processor only.
func goSuffix(name string) string {
	suffix := name[strings.LastIndex(name, "_")+1:]
	if suffix != name && (suffix == "test" || slices.Contains(goSystems, suffix)) {
		return suffix
	}
	return ""
}

// goSystems are the suffixes that go/build knows as systems and processors.
var goSystems = strings.Fields(`
	aix android darwin dragonfly freebsd illumos ios js linux netbsd openbsd
	plan9 solaris unix wasip1 windows 386 amd64 arm arm64 loong64 mips mips64
	mips64le mipsle ppc64 ppc64le riscv64 s390x wasm`)

//go:embed go/reserved.txt python/reserved.txt
var reserved embed.FS

var (
	reservedGo     = words("go/reserved.txt")
	reservedPython = words("python/reserved.txt")
)

// words reads a list of names; lines that begin with # are for people.
func words(file string) []string {
	data, err := reserved.ReadFile(file)
	if err != nil {
		panic(err) // embedded above
	}
	var all []string
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "#") {
			all = append(all, strings.Fields(line)...)
		}
	}
	return all
}

// printable is true for text that XML 1.0 can hold and a terminal can show.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t'
	})
}

func list[T ~string](values []T) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return strings.Join(out, ", ")
}
