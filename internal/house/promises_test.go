package house

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The fault table of the README promises a test a row.
func TestTheFaultTableNamesTestsThatExist(t *testing.T) {
	testsOfTable(t, "README.md", "## What fails, and what happens then", 20)
}

// So does the threat model.
func TestTheThreatModelNamesTestsThatExist(t *testing.T) {
	testsOfTable(t, "SECURITY.md", "## Threat model", 20)
}

// named are the packages and tests that the last cell of a row names: a package in
// backquotes, then its tests.
var named = regexp.MustCompile("`[a-z0-9]+` |(Test|Fuzz)\\w+")

// testsOfTable looks for the tests that a table below a heading names, in a table of
// at least so many rows.
func testsOfTable(t *testing.T, file, heading string, least int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), file))
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), heading)
	table, _, _ = strings.Cut(table, "\n## ")
	tests := testNames(t)
	rows := 0
	for line := range strings.Lines(table) {
		line = strings.TrimRight(line, " |\n")
		if !strings.HasPrefix(line, "| ") || strings.HasSuffix(line, "| test") {
			continue
		}
		rows++
		pkg := ""
		for _, word := range named.FindAllString(line[strings.LastIndex(line, "|"):], -1) {
			if strings.HasPrefix(word, "`") {
				pkg = strings.Trim(word, "` ")
			} else if !tests[pkg+" "+word] {
				t.Errorf("%s: package %s has no %s", file, pkg, word)
			}
		}
		if pkg == "" {
			t.Errorf("%s: no test in %q", file, line)
		}
	}
	if !found || rows < least {
		t.Errorf("%s: a table of %d rows below %q", file, rows, heading)
	}
}

// testNames are "package Test" of all tests there are.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	for _, s := range sources(t) {
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.test {
				tests[filepath.Base(s.pkg)+" "+f.Name.Name] = true
			}
		}
	}
	return tests
}
