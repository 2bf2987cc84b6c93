package house

// rule is one line of the house. It binds every file that is no test.
type rule struct {
	name   string   // in .golangci.yml
	of     []string // packages bound by it
	but    []string // packages that are not
	never  []string // what they do not import
	except []string // what they may all the same
	why    string
}

// The packages of context that have siblings to keep away from. provider is
// missing: it is the only one that knows everyone.
var rooms = []string{
	"command", "forwarder", "group", "herald", "history", "journal", "keeper", "launch", "limit", "logs", "machine", "metrics", "probe", "sample", "schedule", "trend", "web", "will",
}

// rules are the lines that DESIGN.md draws, and their reasons.
var rules = append([]rule{
	{
		name: "ground", of: []string{"./conf/...", "./templates/..."}, never: []string{"./..."},
		except: []string{"./conf/...", "./templates/..."},
		why:    "conf and templates are the ground: they import nothing of ours",
	},
	{
		name: "conf-templates", of: []string{"./conf/..."}, never: []string{"./templates/..."},
		why: "a file format knows nothing of what writes one",
	},
	{
		name: "templates-conf", of: []string{"./templates/..."}, never: []string{"./conf/..."},
		why: "what is written is known before the file that names it is read",
	},
	{
		name: "sdk", of: []string{"./taskservice/..."}, never: []string{"./..."}, except: []string{"./taskservice/..."},
		why: "taskservice is what authors of task services import: its sources are copied without the rest",
	},
	{
		name: "context", of: []string{"./context/..."}, never: []string{".", "./tools/...", "./services/...", "./templates/...", "./bench/..."},
		why: "arrows point one way: tools -> context -> taskservice; bundled services come in as options",
	},
	{
		name: "services", of: []string{"./services/..."}, never: []string{"./..."},
		except: []string{"./services/...", "./taskservice/...", "./context/store"},
		why:    "a bundled task service is a task service like any other; only the store is shared",
	},
	{
		name: "event", of: []string{"./context/event"}, never: []string{"./..."},
		why: "all of context may import the vocabulary, so it imports none of ours",
	},
	{
		name: "store", of: []string{"./context/store"}, never: []string{"./..."},
		why: "the store is a leaf that anyone may import",
	},
	{
		name: "pure", of: []string{"./context/event", "./context/machine"},
		never: []string{"os", "os/signal", "net", "net/http", "syscall", "golang.org/x/sys/unix", "database/sql", "log/slog"},
		why:   "the vocabulary and the table are values: nothing in them can wait, fail or be elsewhere",
	},
	{
		name: "provider-message", of: []string{"./context/provider/..."}, never: []string{"./taskservice/message"},
		why: "provider builds and wires; what a message says is for context/command, so no switch on topics",
	},
	{
		name: "keeper-small", of: []string{"./context/keeper/..."}, never: []string{"./..."}, except: []string{"./context/keeper/...", "./internal/crashpoint"},
		why: "the keeper must outlive everybody: it knows no bus, no XML, no database",
	},
	{
		name: "exec", of: []string{"./..."}, never: []string{"os/exec"},
		why: "only tests import os/exec: every process but a build is a slot of the keeper, which alone reaps",
	},
	{
		name: "zmq4", of: []string{"./..."}, but: []string{"./taskservice/bus"}, never: []string{"github.com/go-zeromq/zmq4/..."},
		why: "zmq4 lives in taskservice/bus, where its traps are handled",
	},
	{
		name: "gopsutil", of: []string{"./..."}, but: []string{"./context/sample/..."}, never: []string{"github.com/shirou/gopsutil/..."},
		why: "gopsutil lives in context/sample: called per process it costs ten to a thousand times what the kernel charges",
	},
	{
		name: "etree", of: []string{"./..."}, but: []string{"./conf/..."}, never: []string{"github.com/beevik/etree/..."},
		why: "etree lives in conf: it is for writing, it has no line numbers to report",
	},
	{
		name: "sqlite", of: []string{"./..."}, but: []string{"./context/store"}, never: []string{"modernc.org/sqlite/...", "database/sql"},
		why: "databases are opened, migrated and batched in context/store; each owner has a schema of its own there",
	},
	{
		name: "gocron", of: []string{"./..."}, but: []string{"./context/schedule", "./services/scheduler/..."}, never: []string{"github.com/go-co-op/gocron/...", "github.com/jonboulle/clockwork/..."},
		why: "what the wall clock does is told by context/schedule, and by the scheduler, whose work that is; every other time is a deadline of its owner",
	},
	{
		name: "prometheus", of: []string{"./..."}, but: []string{"./context/metrics", "./services/..."}, never: []string{"github.com/prometheus/..."},
		why: "what is measured is a value (event.Figures, Changes); context/metrics alone tells it to Prometheus",
	},
	{
		name: "pgx", of: []string{"./..."}, but: []string{"./services/watchdog/postgres"}, never: []string{"github.com/jackc/..."},
		why: "PostgreSQL is one of the watchdog's stores, behind its interface",
	},
	{
		name: "paho", of: []string{"./..."}, but: []string{"./services/watchdog/mqtt"}, never: []string{"github.com/eclipse/..."},
		why: "MQTT is a gateway of the watchdog: behind it there are topics and payloads alone",
	},
	{
		name: "redis", of: []string{"./..."}, but: []string{"./services/scheduler/..."}, never: []string{"github.com/redis/..."},
		why: "Redis is one of the scheduler's stores, behind its interface",
	},
	{
		name: "netlink", of: []string{"./..."}, but: []string{"./services/scheduler/..."}, never: []string{"github.com/vishvananda/..."},
		why: "only the scheduler follows the host's addresses",
	},
	{
		name: "nats", of: []string{"./..."}, but: []string{"./services/bridge/...", "./tools/conf_command/..."}, never: []string{"github.com/nats-io/..."},
		why: "NATS carries the bus between hosts: the bridge speaks it, and who asks hosts through it",
	},
	{
		name: "bubbletea", of: []string{"./..."}, but: []string{"./tools/conf_command/..."}, never: []string{"charm.land/...", "github.com/charmbracelet/..."},
		why: "a terminal is the operator's: nothing that runs without one knows of it",
	},
	{
		name: "testing", of: []string{"./..."},
		never: []string{"testing", "testing/synctest", "github.com/google/go-cmp/...", "github.com/santhosh-tekuri/...", "go.uber.org/goleak", "pgregory.net/rapid", "github.com/rogpeppe/go-internal/..."},
		why:   "what helps tests does not go into a product",
	},
}, siblings()...)

// siblings keeps the rooms of context apart. group alone reads machine: the
// life cycle is a table of values, and an interface about a table hides it.
func siblings() []rule {
	var rules []rule
	for _, room := range rooms {
		r := rule{
			name: "sibling-" + room, of: []string{"./context/" + room + "/..."}, never: []string{"./context/..."},
			except: []string{"./context/" + room + "/...", "./context/event", "./context/store"},
			why:    "siblings in context never import each other: ask by a small interface of your own, provider wires it",
		}
		if room == "group" {
			r.except = append(r.except, "./context/machine")
		}
		rules = append(rules, r)
	}
	return rules
}

// broken are the imports of a file that cross the line.
func (r rule) broken(s *source) []string {
	pkg := "./" + s.pkg
	if s.pkg == "." {
		pkg = "."
	}
	if s.test || !matches(pkg, r.of) || matches(pkg, r.but) {
		return nil
	}
	var crossed []string
	for _, name := range s.imports {
		if matches(name, r.never) && !matches(name, r.except) {
			crossed = append(crossed, name)
		}
	}
	return crossed
}
