package tally

import (
	"strings"
	"testing"
	"time"

	"zmicroservices/taskservice/lifecycle"
)

func TestNodesAreCountedByTheirVersion(t *testing.T) {
	n := newTally(t, Options{})
	take := func(frames ...[]byte) {
		for _, f := range frames {
			n.Take(f, time.Now())
		}
	}
	versions := func(want ...string) {
		t.Helper()
		for i, w := range want {
			want[i] = "lifecycle_tally_versions" + w
		}
		shows(t, n, want...)
	}
	take(frame(t, lifecycle.Startup, "server", "c1", "0.6.0"), frame(t, lifecycle.Alive, "server", "c2", "0.6.0"))
	versions(`{component="server",version="0.6.0"} 2`)
	take(frame(t, lifecycle.Startup, "server", "c1", "0.6.0")) // a second startup
	versions(`{component="server",version="0.6.0"} 2`)
	take(frame(t, lifecycle.Alive, "server", "c1", "0.7.0")) // another version
	versions(`{component="server",version="0.6.0"} 1`, `{component="server",version="0.7.0"} 1`)
	take(frame(t, lifecycle.Upgraded, "server", "c2", "0.6.0", "0.7.0"), frame(t, lifecycle.Startup, "server", "c2", "0.7.0"))
	versions(`{component="server",version="0.6.0"} 0`, `{component="server",version="0.7.0"} 2`)
	take(frame(t, lifecycle.Shutdown, "server", "stranger"), frame(t, lifecycle.Shutdown, "broker", "c1"), frame(t, lifecycle.Provisioned, "server", "c9"))
	versions(`{component="server",version="0.7.0"} 2`)
	take(frame(t, lifecycle.Shutdown, "server", "c1"), frame(t, lifecycle.Shutdown, "server", "c1"))
	versions(`{component="server",version="0.7.0"} 1`)
	take([]byte(`choria.lifecycle.event.alive.server @@@ {"protocol":"choria:lifecycle:alive:1","identity":"old","component":"server"}`))
	versions(`{component="server",version="unknown"} 1`)
	shows(t, n,
		`lifecycle_tally_good_events{component="server"} 11`, `lifecycle_tally_good_events{component="broker"} 1`,
		`lifecycle_tally_process_errors{component="server"} 0`,
		`lifecycle_tally_event_types{component="server",type="startup"} 3`,
		`lifecycle_tally_event_types{component="server",type="alive"} 3`,
		`lifecycle_tally_event_types{component="server",type="upgraded"} 1`,
		`lifecycle_tally_event_types{component="server",type="provisioned"} 1`,
		`lifecycle_tally_event_types{component="server",type="shutdown"} 3`,
		`lifecycle_tally_event_types{component="broker",type="shutdown"} 1`,
		`lifecycle_tally_processing_time_count{component="server"} 11`,
		`lifecycle_tally_maintenance_time_count{component="all"} 0`,
		`lifecycle_tally_nodes_expired{component="server"} 0`,
	)
}

func TestWhatIsNoEventIsAnError(t *testing.T) {
	n := newTally(t, Options{})
	long := strings.Repeat("x", 300)
	for _, f := range []string{
		"choria.lifecycle.event.startup.server @@@ garbage",
		"choria.lifecycle.event.startup.server @@@ ",
		`choria.lifecycle.event.startup.server @@@ {"protocol":"io.choria.lifecycle.v1.dance","identity":"c","component":"server"}`,
		`choria.lifecycle.event.startup.server @@@ {"protocol":"io.choria.lifecycle.v1.startup","identity":"c","component":"` + long + `"}`,
		`choria.lifecycle.event.startup.server @@@ {"protocol":"io.choria.lifecycle.v1.startup","identity":"` + long + `","component":"server"}`,
		`choria.lifecycle.event.startup.server @@@ {"protocol":"io.choria.lifecycle.v1.startup","identity":"c","component":"server","version":"` + long + `"}`,
		`choria.lifecycle.event.startup.server @@@ {"protocol":"io.choria.lifecycle.v1.startup","identity":"c","component":"server","version":"\u001b[2J"}`,
		`choria.lifecycle.event.startup.server @@@ {"protocol":"io.choria.lifecycle.v1.startup","identity":"c\u202e","component":"server","version":"1"}`,
	} {
		n.Take([]byte(f), time.Now())
	}
	for _, f := range []string{
		"choria.lifecycle.event.startup.\x1b[2J @@@ garbage", "choria.lifecycle.event.startup." + long + " @@@ {}",
		"choria.lifecycle.event. @@@ {}", "choria.lifecycle.event.startup.server {}",
	} {
		n.Take([]byte(f), time.Now())
	}
	for _, f := range []string{"", "@@@", "control @@@ {", "control @@@ alive_missed", "something else"} { // of no concern
		n.Take([]byte(f), time.Now())
	}
	shows(t, n,
		`lifecycle_tally_process_errors{component="server"} 8`, `lifecycle_tally_process_errors{component="unknown"} 4`,
		`lifecycle_tally_good_events{component="server"} 0`, `!lifecycle_tally_versions`,
	)
}

func TestOneComponentCanBeCounted(t *testing.T) {
	n := newTally(t, Options{Component: "server", Prefix: "fleet"})
	shows(t, n, `fleet_good_events{component="server"} 0`)
	n.Take(frame(t, lifecycle.Startup, "server", "c1", "1"), time.Now())
	n.Take(frame(t, lifecycle.Startup, "server2", "c1", "1"), time.Now())
	n.Take([]byte("choria.lifecycle.event.startup.server2 @@@ garbage"), time.Now())
	n.Take([]byte("choria.lifecycle.event.startup.server garbage"), time.Now())
	n.Take([]byte(strings.Replace(string(frame(t, lifecycle.Startup, "broker", "c1", "1")), "startup.broker @@@", "startup.server @@@", 1)), time.Now())
	shows(t, n,
		`fleet_good_events{component="server"} 1`, `fleet_process_errors{component="server"} 1`, `fleet_versions{component="server",version="1"} 1`,
		`fleet_maintenance_time_sum{component="server"} 0`, `!fleet_good_events{component="server2"}`, `!fleet_good_events{component="broker"}`,
	)
}

func TestStrangersCannotMakeMoreSeriesThanTheBound(t *testing.T) {
	n := newTally(t, Options{MaxNodes: 50, MaxComponents: 3, MaxVersions: 5})
	for i := range 10 { // every component has all it knows in one node
		n.Take(frame(t, lifecycle.Alive, "x"+name(i), "c", "1"), time.Now())
	}
	shows(t, n,
		`lifecycle_tally_versions{component="xc0.example.net",version="1"} 1`, `lifecycle_tally_versions{component="other",version="1"} 7`,
		`lifecycle_tally_overflow_total{kind="component"} 7`,
	)
	for i := range 20 { // one node has all versions, one after the other: what nobody runs makes room
		n.Take(frame(t, lifecycle.Alive, "xc0.example.net", "c", name(i)), time.Now())
	}
	shows(t, n, `lifecycle_tally_versions{component="xc0.example.net",version="c19.example.net"} 1`, `lifecycle_tally_overflow_total{kind="version"} 0`)
	for i := range 20 {
		n.Take(frame(t, lifecycle.Alive, "xc1.example.net", name(i), name(i)), time.Now())
	}
	shows(t, n, `lifecycle_tally_versions{component="xc1.example.net",version="other"} 19`, `lifecycle_tally_overflow_total{kind="version"} 19`)
	for i := range 30 {
		n.Take(frame(t, lifecycle.Alive, "xc2.example.net", name(i), "1"), time.Now())
	}
	shows(t, n, `lifecycle_tally_overflow_total{kind="node"} 10`, `lifecycle_tally_versions{component="xc2.example.net",version="1"} 21`)
	if series := strings.Count(scrape(t, n), "\nlifecycle_tally_versions{"); series > 8 {
		t.Errorf("%d series of versions", series)
	}
	// A goodbye makes room for a node.
	n.Take(frame(t, lifecycle.Shutdown, "xc2.example.net", name(0)), time.Now())
	n.Take(frame(t, lifecycle.Alive, "xc2.example.net", "late", "1"), time.Now())
	shows(t, n, `lifecycle_tally_overflow_total{kind="node"} 10`, `lifecycle_tally_versions{component="xc2.example.net",version="1"} 21`)
}

func TestOptionsAreChecked(t *testing.T) {
	for want, o := range map[string]Options{
		`prefix "7up"`:     {Prefix: "7up"},
		`prefix "a-b"`:     {Prefix: "a-b"},
		`prefix "xxx`:      {Prefix: strings.Repeat("x", 101)},
		`horizon -1s`:      {Horizon: -time.Second},
		`component "a b"`:  {Component: "a b"},
		`component "\x1b"`: {Component: "\x1b"},
	} {
		if _, err := NewTally(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %s: %v", want, err)
		}
	}
}

func FuzzTake(f *testing.F) {
	f.Add(frame(f, lifecycle.Upgraded, "server", "c1", "1", "2"))
	f.Add(frame(f, lifecycle.Shutdown, "server", "c1"))
	f.Add([]byte(`choria.lifecycle.event.alive.server @@@ {"specversion":"1.0","source":"io.choria.lifecycle","data":{"protocol":"io.choria.lifecycle.v1.alive","identity":"c","component":"server"}}`))
	f.Add([]byte(`control @@@ {"header":{"action":"updated"},"content":{"status":{"device_action":"alive_missed","component":"server","identity":"c1"}}}`))
	names := newDescs(DefaultPrefix)
	f.Fuzz(func(t *testing.T, data []byte) {
		n := newTally(t, Options{MaxNodes: 2, MaxComponents: 2, MaxVersions: 2})
		n.Take(frame(t, lifecycle.Alive, "server", "c1", "1"), time.Now())
		n.Take(data, time.Now())
		n.Take(data, time.Now().Add(2*time.Hour))
		n.Beat(time.Now().Add(4*time.Hour), 0)
		(&picture{n, names}).take() // panics at a word that is no label
		if len(n.nodes) != 0 {
			t.Error("a node is left")
		}
	})
}
