package house

import (
	"bytes"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// A doc.go says what a package is and what it never does. What create_service
// writes below services/ has its comment at main; what is for tests alone, and
// the one file of the root, say it where they are.
func TestEveryPackageHasADocFile(t *testing.T) {
	documented := map[string]bool{}
	packages := map[string]string{} // folder to a file of it
	for _, s := range sources(t) {
		packages[s.pkg] = s.path
		if s.ast.Doc != nil && (filepath.Base(s.path) == "doc.go" || s.test || strings.HasPrefix(s.pkg, "services/") || s.pkg == ".") {
			documented[s.pkg] = true
		}
	}
	for pkg, file := range packages {
		if !documented[pkg] {
			t.Errorf("package of %s has no doc.go with a package comment", file)
		}
	}
}

// A sleep is a guess at when something will have happened.
func TestNothingSleeps(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok || call.Sel.Name != "Sleep" {
				return true
			}
			if pkg, ok := call.X.(*ast.Ident); ok && pkg.Name == "time" {
				t.Errorf("%s: time.Sleep: wait for the thing itself, or for a timer beside ctx.Done()", s.at(n))
			}
			return true
		})
	}
}

// A file of more than 400 lines has a second noun in it.
func TestFilesAreSmall(t *testing.T) {
	const limit = 400
	for _, s := range sources(t) {
		if n := s.fset.File(s.ast.Pos()).LineCount(); n > limit && !s.test {
			t.Errorf("%s has %d lines: at %d look for the second noun", s.path, n, limit)
		}
	}
}

// binary are names of files that nobody reads.
var binary = regexp.MustCompile(`\.(png|gif|jpg|ico|gz|zip|db)$`)

// traces are words that a text of ours has no use for: places of somebody's
// machine, addresses of package registries (which one to use is for the
// reader's machine to know), and notes to oneself.
var traces = []trace{
	{
		why: "a path of somebody's machine", hints: []string{"/root/", "/Users/", "/home/"},
		is: regexp.MustCompile(`(?m:^|[^\w.$}])/(root|work|Users|home/\w+)/`),
	},
	{
		why: "the host of a package registry", hints: []string{"golang.", "goproxy", "py", "npm", "debian", "artifactory", "nexus", "mirror"},
		is: regexp.MustCompile(`\b(proxy|sum)\.golang\.org|goproxy\.\w+|pypi\.org|pythonhosted\.org|registry\.npmjs|` +
			`deb\.debian\.org|(artifactory|nexus|mirror)\.[a-z0-9-]+\.`),
	},
	{
		why: "a note to oneself", hints: []string{"TO" + "DO", "FIX" + "ME", "X" + "XX"},
		is: regexp.MustCompile(`\b(` + strings.Join([]string{"TO" + "DO", "FIX" + "ME", "X" + "XX"}, "|") + `)\b`),
	},
}

// trace is one kind of such words. Few files have even a hint of it, and a look
// for hints is what makes this test quick.
type trace struct {
	why   string
	hints []string
	is    *regexp.Regexp
}

// in finds the traces in a text, as offsets of beginning and end.
func (t trace) in(text []byte) [][]int {
	for _, hint := range t.hints {
		if bytes.Contains(text, []byte(hint)) {
			return t.is.FindAllIndex(text, -1)
		}
	}
	return nil
}

func TestSourcesNameNoMachineNoRegistryAndNoNotes(t *testing.T) {
	top := root(t)
	self := "internal/house/habits_test.go" // names them all
	walk(t, func(file string) {
		if file == self || file == "go.sum" || binary.MatchString(file) {
			return
		}
		text, err := os.ReadFile(filepath.Join(top, file))
		if err != nil {
			t.Error(err)
			return
		}
		if !utf8.Valid(text) || slices.Contains(text, 0) {
			return // built, or recorded
		}
		for _, trace := range traces {
			for _, at := range trace.in(text) {
				t.Errorf("%s:%d: %q is %s", file, 1+bytes.Count(text[:at[0]+1], []byte("\n")),
					strings.TrimSpace(string(text[at[0]:at[1]])), trace.why)
			}
		}
	})
}

func TestTracesAreSeen(t *testing.T) {
	for line, want := range map[string]bool{
		`dir := "/home/ann/zms/x"`: true, "see /root/x": true, "/Users/bob/": true,
		"GOPROXY=https://gopro" + "xy.cn": true, "https://py" + "pi.org/simple": true,
		"/opt/zmicroservices/": false, "$HOME/x": false, "the /home folder": false, "../root/": false,
		"mktemp -d XXXXXX": false,
	} {
		seen := false
		for _, trace := range traces {
			seen = seen || len(trace.in([]byte(line))) > 0
		}
		if seen != want {
			t.Errorf("%q: seen is %v", line, seen)
		}
	}
}
