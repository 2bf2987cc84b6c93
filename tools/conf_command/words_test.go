package main

import (
	"errors"
	"fmt"
	"regexp"
	"testing"
)

func TestTransactionIDsAreAsTheOriginalsAre(t *testing.T) {
	form, seen := regexp.MustCompile(`^[A-Z0-9]{20}$`), map[string]bool{}
	for range 1000 {
		id := newTransaction()
		if !form.MatchString(id) || seen[id] {
			t.Fatalf("%q, seen before: %v", id, seen[id])
		}
		seen[id] = true
	}
}

func TestFileOrTask(t *testing.T) {
	tests := []struct {
		flag, inherited string
		args            []string
		path            string
		rest            int
	}{
		{"", "", nil, "", 0},
		{"", "", []string{"a.xml", "ts001"}, "a.xml", 1},
		{"", "", []string{"noextension", "ts001"}, "noextension", 1},
		{"f.xml", "", []string{"ts001"}, "f.xml", 1},
		{"f.xml", "e.xml", []string{"ts001"}, "f.xml", 1},
		{"", "e.xml", []string{"ts001"}, "e.xml", 1},
		{"", "e.xml", []string{"a.xml", "ts001"}, "a.xml", 1},
		{"", "e.xml", []string{"./a", "ts001"}, "./a", 1},
		{"", "e.xml", nil, "e.xml", 0},
	}
	for _, tt := range tests {
		o := options{contextFile: tt.flag}
		path, rest := o.split(tt.args, func(string) string { return tt.inherited })
		if path != tt.path || len(rest) != tt.rest {
			t.Errorf("%+v: got %q, %q", tt, path, rest)
		}
	}
}

func TestTasksKeepTheOrderOfTheFile(t *testing.T) {
	file := trioFile(t)
	tests := []struct {
		ids  []string
		want string
	}{
		{nil, "[]"}, {[]string{"all"}, "[]"}, {[]string{"context001"}, "[]"}, {[]string{"ts003", "all"}, "[]"},
		{[]string{"ts003", "ts001", "ts003"}, "[ts001 ts003]"},
	}
	for _, tt := range tests {
		chosen, err := tasks(file, tt.ids)
		var ids []string
		for _, c := range chosen {
			ids = append(ids, c.ID)
		}
		if err != nil || fmt.Sprint(ids) != tt.want {
			t.Errorf("%v: %v, %v", tt.ids, ids, err)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for err, want := range map[error]int{
		nil: 0, errors.New("usage"): 2, failed("x"): 1, nobody("x"): 3, errSaid: 2,
		nobody("%w", failed("x")): 3, fmt.Errorf("more: %w", failed("x")): 1,
	} {
		if got := exitCode(err); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
}

func TestColoursAreAskedFor(t *testing.T) {
	for _, tt := range []struct {
		noColor, term string
		want          bool
	}{{"", "xterm", true}, {"1", "xterm", false}, {"", "dumb", false}, {"", "", true}} {
		env := map[string]string{"NO_COLOR": tt.noColor, "TERM": tt.term}
		if got := wantsColour(func(k string) string { return env[k] }); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}
