package watchdog

import (
	"strings"
	"syscall"
	"testing"
)

func TestTheWholeStory(t *testing.T) {
	p := begin(t)
	first := p.services("all five are active", func(all map[string]observed) bool {
		active := 0
		for _, s := range all {
			if s.State == "active" {
				active++
			}
		}
		return active == 5
	})
	p.counts(5)
	if r := p.ask("ping", "--timeout", "60s", "pump", "valve", "lamp"); r.Code != 0 || strings.Contains(r.Stdout, "silent") {
		t.Errorf("%+v", r)
	}

	// Stopped and continued: inactive, and active again, the same as before.
	killed := []string{"pump", "valve"}
	for _, name := range killed {
		signal(t, first[name].PID, syscall.SIGSTOP)
	}
	for _, name := range killed {
		p.is(name, "inactive")
	}
	p.counts(5) // it lives, and is not away for long enough
	if r := p.ask("ping", "--timeout", "500ms", "valve"); r.Code != 1 || !strings.Contains(r.Stderr, "1 of 1 did not answer (valve)") {
		t.Errorf("%+v", r)
	}
	for _, name := range killed {
		signal(t, first[name].PID, syscall.SIGCONT)
	}
	for _, name := range killed {
		if s := p.is(name, "active"); s.GID != first[name].GID || s.UUID != first[name].UUID {
			t.Errorf("%s was %+v, is %+v", name, first[name], s)
		}
	}

	// The watchdog is killed and back: it knows all of them, and nobody was onboarded anew
	// but itself.
	signal(t, first["watchdog"].PID, syscall.SIGKILL)
	back := p.services("the watchdog is back", func(all map[string]observed) bool {
		w := all["watchdog"]
		return w.PID != first["watchdog"].PID && w.State == "active" && len(all) == 5
	})
	for name, s := range back {
		if s.GID != first[name].GID || name != "watchdog" && s.UUID != first[name].UUID {
			t.Errorf("%s was %+v, is %+v", name, first[name], s)
		}
	}
	p.counts(5)

	// Killed, and restarted by a transition: onboarded again, with the same gid.
	for _, name := range killed {
		signal(t, first[name].PID, syscall.SIGKILL)
	}
	again := p.services("they were restarted", func(all map[string]observed) bool {
		for _, name := range killed {
			if s := all[name]; s.PID == first[name].PID || s.State != "active" {
				return false
			}
		}
		return true
	})
	for _, name := range killed {
		if s := again[name]; s.GID != first[name].GID || s.UUID == first[name].UUID || s.Onboardings <= back[name].Onboardings {
			t.Errorf("%s was %+v, is %+v", name, back[name], s)
		}
	}
	p.counts(5)

	// Told to onboard anew: another uuid, the same gid.
	if r := p.ask("onboard", "--timeout", "60s", "lamp"); r.Code != 0 || !strings.Contains(r.Stdout, first["lamp"].GID) {
		t.Errorf("%+v", r)
	}
	lamp := p.services("lamp has another uuid", func(all map[string]observed) bool {
		return all["lamp"].UUID != first["lamp"].UUID && all["lamp"].State == "active"
	})["lamp"]
	if lamp.GID != first["lamp"].GID || lamp.PID != first["lamp"].PID {
		t.Errorf("lamp was %+v, is %+v", first["lamp"], lamp)
	}

	// Stopped by the operator: it says goodbye, and is counted no more.
	if r := p.Command("stop", p.File, "ts003"); r.Code != 0 {
		t.Errorf("%+v", r)
	}
	p.is("lamp", "terminated")
	p.counts(4)

	for _, name := range killed {
		tells(t, p.sqlite("SELECT text FROM story WHERE name = '"+name+"' AND what = 'change'"),
			"initialize, requested", "initialize -> onboarding, stored", "onboarding -> active, heard", // it begins
			"active -> inactive, fell silent", "inactive -> active, heard", // is stopped and continued
			"-> terminated, goodbye", "last-will", // is killed
			"-> initialize, requested", "initialize -> onboarding, stored", "onboarding -> active, heard", // and is back
		)
		if n := strings.TrimSpace(p.sqlite("SELECT count(DISTINCT gid) FROM story WHERE name = '" + name + "'")); n != "1" {
			t.Errorf("%s has %s gids", name, n)
		}
	}
	tells(t, p.sqlite("SELECT what || ' ' || text FROM story WHERE name = 'valve' AND what <> 'change'"),
		"hippodamia.contact {", "hippodamia.state.ping {", "hippodamia.state.end {", "hippodamia.contact {", "hippodamia.state.ping {")
	const standing = "lamp terminated\npump active\ntally active\nvalve active\nwatchdog active\n"
	until(t, standing, func() (string, error) {
		return p.sqlite("SELECT name || ' ' || state FROM services ORDER BY name"), nil
	}, func(got string) bool { return got == standing })
	if left := p.sqlite("SELECT rejected, payload FROM messages WHERE rejected IS NOT NULL"); left != "" {
		t.Errorf("messages were rejected: %s", left)
	}
	p.Stop()
}

func signal(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatalf("%s to %d: %v", s, pid, err)
	}
}

// tells wants parts in a text, in that order; more may come between.
func tells(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Errorf("%q does not follow in\n%s", part, text)
			return
		}
		rest = after
	}
}
