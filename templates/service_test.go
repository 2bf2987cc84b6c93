package templates_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/templates"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func echo(lang templates.Lang, kind templates.Kind) templates.Service {
	return templates.Service{
		Name: "EchoAction", File: "EchoAction", Class: "EchoShouting",
		Description: "An echo action is for shouting the time after counting 10s",
		ServiceName: "echo_action", Lang: lang, Kind: kind, Interpreter: "/usr/bin/python3",
	}
}

func TestFilesAreTheGoldenOnes(t *testing.T) {
	for _, lang := range []templates.Lang{templates.Go, templates.Python} {
		for _, kind := range templates.Kinds {
			dir := filepath.Join("testdata", string(lang)+"-"+strings.ToLower(string(kind)))
			files, err := echo(lang, kind).Files()
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				// Of no kind that the go command or unittest would look at.
				golden := filepath.Join(dir, file.Name+".golden")
				if *update {
					if err := os.MkdirAll(dir, 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(golden, file.Data, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), string(file.Data)); diff != "" {
					t.Errorf("%s (-want +got; -update rewrites it):\n%s", golden, diff)
				}
			}
		}
	}
}

func TestACommandHasNoFiles(t *testing.T) {
	files, err := echo(templates.Command, templates.Looped).Files()
	if err != nil || len(files) != 0 {
		t.Errorf("got %v, %v", files, err)
	}
}

func TestDescriptionsCannotBreakOut(t *testing.T) {
	for _, text := range []string{
		`""" + evil() + """`, "*/ func init() { evil() } /*", "line one\nfunc init() {}",
		`ends in a backslash \`, "{{.Name}}", "Ä sentence for 東京", strings.Repeat("long ", 100),
	} {
		for _, lang := range []templates.Lang{templates.Go, templates.Python} {
			s := echo(lang, templates.Looped)
			s.Description = text
			if problems := s.Problems(); len(problems) > 0 {
				t.Errorf("%q: %v", text, problems)
			}
			files, err := s.Files()
			if err != nil {
				t.Errorf("%s, %q: %v", lang, text, err)
			}
			for _, file := range files {
				for line := range strings.Lines(string(file.Data)) {
					if strings.HasPrefix(line, "func init()") {
						t.Errorf("%s, %q: %s has %q", lang, text, file.Name, line)
					}
				}
			}
		}
	}
}

func TestProblemsAreNamedAllAtOnce(t *testing.T) {
	got := templates.Service{
		Name: "../Echo", File: "main", Class: "func", ServiceName: "two words",
		Lang: templates.Go, Kind: "Simple",
	}.Problems()
	want := []string{"task_type", "task_service", "task_file", "task_class", "task_desc", "service_name"}
	var fields []string
	for _, p := range got {
		fields = append(fields, p.Field)
	}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("(-want +got):\n%s\n%v", diff, got)
	}
}

func TestNamesThatWouldNotWork(t *testing.T) {
	for _, row := range []struct {
		story  string
		lang   templates.Lang
		change func(*templates.Service)
		field  string
	}{
		{"a directory with a slash", templates.Go, func(s *templates.Service) { s.Name = "a/b" }, "task_service"},
		{"a bundled task", templates.Python, func(s *templates.Service) { s.Name = "Monitor" }, "task_service"},
		{"a Go test file", templates.Go, func(s *templates.Service) { s.File = "echo_test" }, "task_file"},
		{"a file for another system", templates.Go, func(s *templates.Service) { s.Name = "Echo_windows" }, "task_service"},
		{"the file of main", templates.Python, func(s *templates.Service) { s.File = "main" }, "task_file"},
		{"the file of the stub", templates.Go, func(s *templates.Service) { s.File = "ServiceEchoAction" }, "task_file"},
		{"a module that others import", templates.Python, func(s *templates.Service) { s.File = "json" }, "task_file"},
		{"a keyword", templates.Python, func(s *templates.Service) { s.Class = "lambda" }, "task_class"},
		{"an import", templates.Go, func(s *templates.Service) { s.Class = "context" }, "task_class"},
		{"the type of the stub", templates.Go, func(s *templates.Service) { s.Class = "ServiceEchoAction" }, "task_class"},
		{"an interpreter by name", templates.Python, func(s *templates.Service) { s.Interpreter = "python3" }, "python"},
		{"a language of its own", "cobol", func(*templates.Service) {}, "task_lang"},
	} {
		s := echo(row.lang, templates.Single)
		row.change(&s)
		problems := s.Problems()
		if len(problems) != 1 || problems[0].Field != row.field {
			t.Errorf("%s: got %v, want one of %s", row.story, problems, row.field)
		}
	}
}
