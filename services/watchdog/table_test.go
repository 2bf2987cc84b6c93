package watchdog

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/taskservice/hippodamia"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestEveryStateTimesEveryInputIsAnEdgeOrARefusal(t *testing.T) {
	for _, s := range hippodamia.States() {
		for in := range numInputs {
			next, effects, err := Next(s, in)
			var refused *RefusedError
			switch {
			case errors.As(err, &refused):
				if next != s || effects != nil || refused.State != s || refused.Input != in {
					t.Errorf("%s × %s: a refusal changed something: %s %v", s, in, next, effects)
				}
			case err != nil:
				t.Errorf("%s × %s: %v is no RefusedError", s, in, err)
			case !next.Known():
				t.Errorf("%s × %s leads nowhere", s, in)
			}
		}
	}
	if _, _, err := Next("asleep", Heard); err == nil {
		t.Error("an unknown state was accepted")
	}
	if _, _, err := Next(hippodamia.Active, numInputs); err == nil {
		t.Error("an unknown input was accepted")
	}
	if len(table) != len(hippodamia.States()) {
		t.Errorf("the table has %d states", len(table))
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
	for _, s := range hippodamia.States() {
		check(string(s))
	}
	for in := range numInputs {
		check(in.String())
	}
	for e := range numEffects {
		check(e.String())
	}
}

// edges calls f for all that the table holds.
func edges(f func(from hippodamia.State, in Input, e *edge)) {
	for _, s := range hippodamia.States() {
		for in := range numInputs {
			if e := table[s][in]; e != nil {
				f(s, in, e)
			}
		}
	}
}

// reach gives the states that follow a state by the inputs that are allowed.
func reach(s hippodamia.State, allowed func(Input) bool) map[hippodamia.State]bool {
	seen := map[hippodamia.State]bool{s: true}
	for grown := true; grown; {
		grown = false
		edges(func(from hippodamia.State, in Input, e *edge) {
			if seen[from] && allowed(in) && !seen[e.to] {
				seen[e.to], grown = true, true
			}
		})
	}
	return seen
}

func TestSilenceAloneEndsEveryLifeAndARequestBeginsItAnew(t *testing.T) {
	silence := func(in Input) bool { return in == FellSilent || in == StaySilent || in == Expired }
	for _, s := range hippodamia.States() {
		if !reach(s, silence)[hippodamia.Ended] {
			t.Errorf("one that is %s is observed for ever", s)
		}
		if next, _, _ := Next(s, Requested); next != hippodamia.Initialize {
			t.Errorf("one that is %s cannot be onboarded", s)
		}
	}
	all := reach(hippodamia.Initialize, func(Input) bool { return true })
	for _, s := range hippodamia.States() {
		if !all[s] {
			t.Errorf("%s can't be reached", s)
		}
	}
}

// A gid is a promise: before it is told the disk has it.
func TestNobodyIsToldAGidThatTheDiskDoesNotHave(t *testing.T) {
	edges(func(from hippodamia.State, in Input, e *edge) {
		for _, effect := range e.effects {
			if effect == Respond && in != Stored {
				t.Errorf("%s × %s responds", from, in)
			}
		}
		if asks := in == Requested || in == AskedAgain; asks != (join(e.effects) == "keep") {
			t.Errorf("%s × %s keeps: %v", from, in, e.effects)
		}
	})
}

// Each way into a state that is bad news is said, once.
func TestEachAlarmIsGivenOnce(t *testing.T) {
	edges(func(from hippodamia.State, in Input, e *edge) {
		bad := e.to == hippodamia.Inactive || e.to == hippodamia.Terminated
		if alarm := strings.Contains(join(e.effects), "alarm"); alarm != (bad && from != e.to) {
			t.Errorf("%s × %s: alarm is %v", from, in, alarm)
		}
		if welcome := strings.Contains(join(e.effects), "welcome"); welcome != (e.to == hippodamia.Active && from != e.to) {
			t.Errorf("%s × %s: welcome is %v", from, in, welcome)
		}
	})
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
	next, effects, _ := Next(hippodamia.Active, FellSilent)
	os.Stdout.WriteString(string(next) + " " + join(effects) + "\n")
	// Output: inactive alarm
}
