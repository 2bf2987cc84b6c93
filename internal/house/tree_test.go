package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "zmicroservices"

// source is one Go file of ours.
type source struct {
	path    string   // from the root of the module, with slashes
	pkg     string   // folder of it, "." for the root
	test    bool     // _test.go, or in a package that only tests import
	imports []string // ours begin with "./"
	ast     *ast.File
	fset    *token.FileSet
}

// at is the place of a node, as editors like it.
func (s *source) at(n ast.Node) string {
	return s.path + ":" + strconv.Itoa(s.fset.Position(n.Pos()).Line)
}

// root is the folder of our go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above " + dir)
		}
		dir = parent
	}
}

// walk calls visit for every file of the module that is ours: not what was
// built, not what tests feed on, not another module.
func walk(t *testing.T, visit func(path string)) {
	t.Helper()
	top := root(t)
	err := filepath.WalkDir(top, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if !d.IsDir() {
			if d.Type().IsRegular() {
				visit(rel)
			}
			return nil
		}
		if rel == "." {
			return nil
		}
		switch name := d.Name(); {
		case name == "testdata", name == "__pycache__", rel == "bin", rel == ".git", rel == ".cache":
			return fs.SkipDir
		}
		if _, err := os.Stat(filepath.Join(file, "go.mod")); err == nil {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// read is what sources has read: the tests only look.
var read []*source

// sources are all our Go files.
func sources(t *testing.T) []*source {
	t.Helper()
	if read != nil {
		return read
	}
	var all []*source
	top := root(t)
	walk(t, func(file string) {
		if path.Ext(file) != ".go" {
			return
		}
		s := &source{path: file, pkg: path.Dir(file), fset: token.NewFileSet()}
		tree, err := parser.ParseFile(s.fset, filepath.Join(top, file), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("read source: %v", err)
			return
		}
		s.ast = tree
		s.test = strings.HasSuffix(file, "_test.go") || forTests(s.pkg)
		for _, i := range tree.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err) // the parser would have said so
			}
			s.imports = append(s.imports, short(name))
		}
		all = append(all, s)
	})
	if len(all) < 50 {
		t.Fatalf("found %d Go files: looked in the wrong place", len(all))
	}
	read = all
	return all
}

// forTests are packages that by their name are for tests alone, as httptest
// is; a rule sees to it that they are.
func forTests(pkg string) bool {
	return strings.HasSuffix(pkg, "test") || strings.HasPrefix(pkg, "test/") || strings.HasPrefix(pkg, "bench/")
}

// short writes an import of ours as "./…", the root as ".".
func short(name string) string {
	if name == module {
		return "."
	}
	if rest, ours := strings.CutPrefix(name, module+"/"); ours {
		return "./" + rest
	}
	return name
}

// matches says that a package is one of the patterns, written as for the go
// command: "./conf", "./context/...".
func matches(name string, patterns []string) bool {
	for _, p := range patterns {
		if dir, tree := strings.CutSuffix(p, "/..."); tree {
			if dir == "." && (name == "." || strings.HasPrefix(name, "./")) ||
				name == dir || strings.HasPrefix(name, dir+"/") {
				return true
			}
		} else if name == p {
			return true
		}
	}
	return false
}
