package subject

import (
	"strings"
	"testing"
)

func TestSubjects(t *testing.T) {
	for _, row := range []struct {
		place   Place
		topic   string
		subject string
	}{
		{Place{"edge1", "context001"}, "control", "zmicroservices.edge1.context001.control"},
		{Place{"edge.example.net", "context001"}, "hippodamia.state.ping", "zmicroservices.edge%2Eexample%2Enet.context001.hippodamia.state.ping"},
		{Place{"", "a b"}, "*.>", "zmicroservices.%.a%20b.%2A.%3E"},
		{Place{"h", "c"}, "command.context", "zmicroservices.h.c.%63ommand.context"},
		{Place{"h", "c"}, "ask", "zmicroservices.h.c.%61sk"},
		{Place{"h", "c"}, "asked.x", "zmicroservices.h.c.asked.x"},
		{Place{"h", "c"}, "a..b", "zmicroservices.h.c.a.%.b"},
		{Place{"h", "c"}, "", "zmicroservices.h.c.%"},
		{Place{"größe", "%"}, "x", "zmicroservices.gr%C3%B6%C3%9Fe.%25.x"},
	} {
		if got := row.place.Of(row.topic); got != row.subject {
			t.Errorf("%v %q: %s, want %s", row.place, row.topic, got, row.subject)
		}
		place, topic, err := Parse(row.subject)
		if err != nil || place != row.place || topic != row.topic {
			t.Errorf("%s: %v %q %v", row.subject, place, topic, err)
		}
	}
	if got := (Place{"h", "c"}).Command("context"); got != "zmicroservices.h.c.command.context" {
		t.Error(got)
	}
	if got := (Place{"a.b", "c"}).Local("remote", "control"); got != "remote.a%2Eb.c.control" {
		t.Error(got)
	}
}

func TestWhatNobodySays(t *testing.T) {
	for _, s := range []string{
		"", "zmicroservices", Discover, "zmicroservices.h.c", "other.h.c.control", "zmicroservices..c.control", "zmicroservices.h.c.",
		"zmicroservices.h.c.command.context", "zmicroservices.h.c.ask.state", "zmicroservices.%41.c.x", "zmicroservices.h.c.a%2Eb",
		"zmicroservices.h%2.c.x", "zmicroservices.h%zz.c.x", "zmicroservices.h%2a.c.x", "zmicroservices.h.c.x.*", "zmicroservices.h.c.>", "zmicroservices.h c.c.x",
	} {
		if place, topic, err := Parse(s); err == nil {
			t.Errorf("%q was read as %v %q", s, place, topic)
		}
	}
}

// Whatever a name is, it comes back, and its subject is one that NATS takes and that is
// no request.
func FuzzOf(f *testing.F) {
	f.Add("edge.example.net", "context001", "hippodamia.state.ping")
	f.Add("", "%", "command.context")
	f.Add("*", ">", "a..b. \x00@")
	f.Fuzz(func(t *testing.T, host, in, topic string) {
		place := Place{host, in}
		s := place.Of(topic)
		p, back, err := Parse(s)
		if err != nil || p != place || back != topic {
			t.Fatalf("%q: %v %q %v", s, p, back, err)
		}
		if strings.ContainsAny(s, " \t\r\n*>") || strings.Contains(s, "..") || strings.HasSuffix(s, ".") {
			t.Errorf("%q is no subject", s)
		}
		if strings.HasPrefix(s, place.root()+"command.") || strings.HasPrefix(s, place.root()+"ask.") {
			t.Errorf("%q is a request", s)
		}
	})
}

// Whatever is read is spelled in one way alone.
func FuzzParse(f *testing.F) {
	f.Add("zmicroservices.h.c.%63ommand.context")
	f.Add("zmicroservices.%.%25.a.%")
	f.Fuzz(func(t *testing.T, s string) {
		place, topic, err := Parse(s)
		if err == nil && place.Of(topic) != s {
			t.Errorf("%q is also %q", s, place.Of(topic))
		}
	})
}
