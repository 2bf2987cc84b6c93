package machine

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/context/event"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestEveryStateTimesEveryInputIsAnEdgeOrARefusal(t *testing.T) {
	for s := range event.NumStates {
		for in := range NumInputs {
			next, effects, err := Next(s, in)
			var refused *RefusedError
			switch {
			case errors.As(err, &refused):
				if next != s || effects != nil || refused.State != s || refused.Input != in {
					t.Errorf("%s × %s: a refusal changed something: %s %v", s, in, next, effects)
				}
			case err != nil:
				t.Errorf("%s × %s: %v is no RefusedError", s, in, err)
			case next >= event.NumStates:
				t.Errorf("%s × %s leads nowhere", s, in)
			}
		}
	}
	if _, _, err := Next(event.NumStates, StartAsked); err == nil {
		t.Error("an unknown state was accepted")
	}
	if _, _, err := Next(event.Started, NumInputs); err == nil {
		t.Error("an unknown input was accepted")
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
	for s := range event.NumStates {
		check(s.String())
	}
	for in := range NumInputs {
		check(in.String())
	}
	for e := range numEffects {
		check(e.String())
	}
}

// reach gives the states that can be reached from s by inputs that keep says are allowed.
func reach(s event.State, keep func(Input) bool) map[event.State]bool {
	seen := map[event.State]bool{s: true}
	todo := []event.State{s}
	for len(todo) > 0 {
		s, todo = todo[0], todo[1:]
		for in := range NumInputs {
			if e := table[s][in]; e != nil && keep(in) && !seen[e.to] {
				seen[e.to] = true
				todo = append(todo, e.to)
			}
		}
	}
	return seen
}

func TestEveryStateCanBeStoppedAndEveryOneIsReached(t *testing.T) {
	asked := func(in Input) bool {
		return in == StopAsked || in == DropAsked || in == AllGone || in == SpawnFailed
	}
	for s := range event.NumStates {
		if !reach(s, asked)[event.Stopped] {
			t.Errorf("%s can't be stopped", s)
		}
	}
	all := reach(event.Defined, func(Input) bool { return true })
	for s := range event.NumStates {
		if !all[s] {
			t.Errorf("%s can't be reached", s)
		}
	}
}

// A process must never be made where one may be: only from states that the
// group enters with nothing of the old one left.
func TestOnlyStatesWithoutAProcessSpawn(t *testing.T) {
	for s := range event.NumStates {
		for in := range NumInputs {
			e := table[s][in]
			if e == nil {
				continue
			}
			for _, effect := range e.effects {
				if effect == Spawn && in != StartAsked {
					t.Errorf("%s × %s spawns", s, in)
				}
			}
		}
	}
	for _, s := range []event.State{event.Starting, event.Started, event.Stopping} {
		if table[s][StartAsked] != nil {
			t.Errorf("%s accepts a second start", s)
		}
	}
}

// Stopped is entered only when nothing is left.
func TestStoppedMeansGone(t *testing.T) {
	gone := map[Input]bool{AllGone: true, DropAsked: true, SpawnFailed: true}
	for s := range event.NumStates {
		for in := range NumInputs {
			if e := table[s][in]; e != nil && e.to == event.Stopped && !gone[in] {
				t.Errorf("%s × %s is stopped with something left", s, in)
			}
		}
	}
}

// What every state must be able to hear from a live process or about its end.
func TestNoStateWithAProcessIsDeafToItsEnd(t *testing.T) {
	for _, s := range []event.State{event.Starting, event.Created, event.Started, event.Stopping, event.Failed} {
		for _, in := range []Input{StopAsked, ExitedClean, ExitedBadly, AllGone, SaidStopped, SaidFailed} {
			if table[s][in] == nil {
				t.Errorf("%s is deaf to %s", s, in)
			}
		}
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
	next, effects, _ := Next(event.Started, ExitedBadly)
	os.Stdout.WriteString(next.String() + " " + join(effects) + "\n")
	// Output: failed announce
}
