package agent

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestEveryStateTimesEveryInputIsAnEdgeOrChangesNothing(t *testing.T) {
	for s := range NumStates + 1 {
		for in := range NumInputs + 1 {
			next, acts, known := Next(s, in)
			switch {
			case s == NumStates || in == NumInputs:
				if known {
					t.Errorf("%s × %s is known", s, in)
				}
			case !known && (next != s || acts != nil):
				t.Errorf("%s × %s means nothing and leads to %s %v", s, in, next, acts)
			case next >= NumStates:
				t.Errorf("%s × %s leads nowhere", s, in)
			}
		}
	}
}

func TestEveryNameIsThereAndUnique(t *testing.T) {
	seen := map[string]bool{}
	check := func(name string) {
		t.Helper()
		if name == "" || strings.Contains(name, "(") || seen[name] {
			t.Errorf("name %q is empty, unknown or used twice", name)
		}
		seen[name] = true
	}
	for s := range NumStates {
		check(s.String())
	}
	for in := range NumInputs {
		check(in.String())
	}
	for a := range numActs {
		check(a.String())
	}
}

func each(f func(s State, in Input, e *edge)) {
	for s := range NumStates {
		for in := range NumInputs {
			if e := table[s][in]; e != nil {
				f(s, in, e)
			}
		}
	}
}

func TestWhatTheTablePromises(t *testing.T) {
	each(func(s State, in Input, e *edge) {
		has := func(a Act) bool { return slices.Contains(e.acts, a) }
		if renews := has(Renew) || has(RenewLater); renews != (e.to == Uninitialized) {
			t.Errorf("%s × %s: a new uuid is for whoever enters uninitialized, and nobody else", s, in)
		}
		if has(Request) != (e.to == Onboarding && !has(RequestLater)) {
			t.Errorf("%s × %s: who asks is onboarding", s, in)
		}
		if says := has(SayPing) || has(SayRuntime) || has(SayConfig); says && e.to != Active {
			t.Errorf("%s × %s: speaks on the regular topics without a gid", s, in)
		}
		if has(SayEnd) != (s == Active && e.to == Terminating) {
			t.Errorf("%s × %s: goodbye is said by who was known, once", s, in)
		}
		if has(SayEnd) && !has(WithdrawWill) {
			t.Errorf("%s × %s: would die twice", s, in)
		}
	})
	for s := range Terminating {
		if e := table[s][EndAsked]; e == nil || e.to != Terminating {
			t.Errorf("%s cannot end", s)
		}
	}
	for in := range NumInputs {
		if table[Terminating][in] != nil {
			t.Errorf("terminating hears %s", in)
		}
	}
}

func TestEveryStateIsReached(t *testing.T) {
	seen := map[State]bool{Uninitialized: true}
	for range NumStates {
		each(func(s State, _ Input, e *edge) { seen[e.to] = seen[e.to] || seen[s] })
	}
	if len(seen) != int(NumStates) {
		t.Errorf("reached are %v", seen)
	}
}

func TestThePrintedTableIsTheOneInTheFile(t *testing.T) {
	for name, print := range map[string]func(*strings.Builder) error{
		"testdata/table.txt":   func(b *strings.Builder) error { return Fprint(b) },
		"testdata/diagram.mmd": func(b *strings.Builder) error { return Mermaid(b) },
	} {
		var b strings.Builder
		if err := print(&b); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Errorf("%s (run with -update if it is meant):\n%s", name, diff)
		}
	}
}

func ExampleNext() {
	next, acts, _ := Next(Active, OnboardAsked)
	os.Stdout.WriteString(next.String() + " " + join(acts) + "\n")
	// Output: uninitialized renew
}
