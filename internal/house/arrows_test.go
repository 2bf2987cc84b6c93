package house

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTheLinesBetweenPackagesHold(t *testing.T) {
	for _, s := range sources(t) {
		for _, r := range rules {
			for _, name := range r.broken(s) {
				t.Errorf("%s imports %s: %s", s.path, name, r.why)
			}
		}
	}
}

// A line that cannot be crossed holds nothing.
func TestALineBitesWhereItIsCrossed(t *testing.T) {
	for _, c := range []struct{ pkg, imports, rule string }{
		{"conf", "./context/event", "ground"},
		{"templates", "./conf", "templates-conf"},
		{"conf", "./templates", "conf-templates"},
		{"taskservice/bus", "./conf", "sdk"},
		{"context/provider", "./tools/service_context", "context"},
		{"context/command", ".", "context"},
		{"services/tally", "./context/group", "services"},
		{"context/event", "./conf", "event"},
		{"context/store", "./context/event", "store"},
		{"context/machine", "os", "pure"},
		{"context/provider", "./taskservice/message", "provider-message"},
		{"context/keeper", "./conf", "keeper-small"},
		{"tools/service_context", "os/exec", "exec"},
		{"context/forwarder", "github.com/go-zeromq/zmq4", "zmq4"},
		{"tools/conf_command", "github.com/shirou/gopsutil/v3/process", "gopsutil"},
		{"tools/create_service", "github.com/beevik/etree", "etree"},
		{"context/group", "modernc.org/sqlite", "sqlite"},
		{"context/provider", "github.com/go-co-op/gocron/v2", "gocron"},
		{"context/provider", "github.com/prometheus/client_golang/prometheus", "prometheus"},
		{"services/watchdog", "github.com/jackc/pgx/v5/pgxpool", "pgx"},
		{"services/watchdog", "github.com/eclipse/paho.mqtt.golang", "paho"},
		{"context/store", "github.com/redis/go-redis/v9", "redis"},
		{"context/provider", "github.com/vishvananda/netlink", "netlink"},
		{"taskservice/bus", "github.com/nats-io/nats.go/jetstream", "nats"},
		{"context/web", "charm.land/bubbletea/v2", "bubbletea"},
		{"context/group", "testing", "testing"},
		{"context/group", "./context/keeper", "sibling-group"},
		{"context/keeper", "./context/machine", "sibling-keeper"},
	} {
		s := &source{path: c.pkg + "/x.go", pkg: c.pkg, imports: []string{"fmt", c.imports}}
		var found bool
		for _, r := range rules {
			if r.name == c.rule {
				found = slices.Equal(r.broken(s), []string{c.imports})
			}
		}
		if !found {
			t.Errorf("%s may import %s, against rule %s", c.pkg, c.imports, c.rule)
		}
		s.test = true
		for _, r := range rules {
			if r.broken(s) != nil {
				t.Errorf("rule %s binds tests", r.name)
			}
		}
	}
}

func TestLinesLetThroughWhatIsMeantToPass(t *testing.T) {
	for _, c := range []struct{ pkg, imports string }{
		{"context/group", "./context/event"}, {"context/group", "./context/store"}, {"context/group", "./context/machine"}, {"context/group", "./conf"},
		{"context/provider", "./context/group"}, {"context/provider", "./context/launch"}, {"context/command", "./taskservice/message"},
		{"services/monitor", "./taskservice"}, {"services/watchdog", "./context/store"}, {"taskservice", "./taskservice/bus"},
		{"tools/service_context", "./context/provider"}, {"tools/service_context", "./services/monitor"}, {"tools/create_service", "."},
		{"taskservice/bus", "github.com/go-zeromq/zmq4"}, {"context/sample", "github.com/shirou/gopsutil/v3/process"},
		{"conf", "github.com/beevik/etree"}, {"context/store", "modernc.org/sqlite"},
	} {
		s := &source{path: c.pkg + "/x.go", pkg: c.pkg, imports: []string{c.imports}}
		for _, r := range rules {
			if r.broken(s) != nil {
				t.Errorf("%s may not import %s: %s", c.pkg, c.imports, r.why)
			}
		}
	}
}

// Every room is in the table, or the line between siblings has a gap.
func TestEveryRoomOfContextIsKnown(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join(root(t), "context"))
	if err != nil {
		t.Fatal(err)
	}
	known := append([]string{"event", "store", "provider"}, rooms...)
	for _, e := range entries {
		if e.IsDir() && !slices.Contains(known, e.Name()) {
			t.Errorf("context/%s: add it to rooms, and to DESIGN.md what it is for", e.Name())
		}
		if strings.HasSuffix(e.Name(), ".go") {
			t.Errorf("context/%s: no Go file directly in context, or the package shadows the standard one", e.Name())
		}
	}
}

// A package for tests, by its name, is imported by tests alone.
func TestPackagesForTestsStayWithTests(t *testing.T) {
	for _, s := range sources(t) {
		for _, name := range s.imports {
			if pkg, ours := strings.CutPrefix(name, "./"); ours && forTests(pkg) && !s.test {
				t.Errorf("%s imports %s: it is for tests", s.path, name)
			}
		}
	}
}

// The keeper goes on when everybody else is gone or upgraded; what it cannot
// do without is the standard library and the kernel.
func TestTheKeeperImportsTheStandardLibraryAlone(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.pkg != "context/keeper" && !strings.HasPrefix(s.pkg, "context/keeper/") {
			continue
		}
		for _, name := range s.imports {
			ours := name == "./internal/crashpoint" || strings.HasPrefix(name, "./context/keeper/")
			if strings.Contains(strings.Split(name, "/")[0], ".") && !ours {
				t.Errorf("%s imports %s: the keeper's own files import no third party", s.path, name)
			}
		}
	}
}

// What the keeper does is little, or nobody could trust it with everything. Lines of
// code, comments not counted, of what runs in its own process. They may shrink.
func TestTheKeeperStaysSmall(t *testing.T) {
	for pkg, room := range map[string]struct {
		limit int
		why   string
	}{
		// The plan said 1,500. Finding orphans, standing first, keeping descriptors, adopting
		// what a killed keeper left, hooks, taps, notices and handing all of it over to
		// another program are one state, owned by one loop.
		"context/keeper":         {4850, "holding processes: the loop, its slots, its connections"},
		"context/keeper/logfile": {720, "output on its way to the disk"},
		"context/keeper/cgroup":  {280, "groups of control, as files"},
		"context/keeper/kernel":  {270, "questions to Linux"},
	} {
		lines := 0
		for _, s := range sources(t) {
			if s.pkg == pkg && !s.test && !slices.Contains(elsewhere, strings.TrimSuffix(filepath.Base(s.path), ".go")) {
				lines += codeLines(t, filepath.Join(root(t), s.path))
			}
		}
		if lines > room.limit {
			t.Errorf("%s has %d lines of code: it is to stay below %d, for %s", pkg, lines, room.limit, room.why)
		}
	}
}

// elsewhere are files of the keeper that do not run in it: the client, which is the
// provider's, and what a passage does, a process of its own.
var elsewhere = []string{"client", "ask", "stream", "start", "greet", "attach", "deposit", "tap", "undergo"}

// codeLines counts lines that are neither blank nor a whole-line comment.
func codeLines(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	return n
}
