package watchdog

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"zmicroservices/taskservice"
	"zmicroservices/test/harness"
)

// valveRole is a task service by our SDK.
const valveRole = "valve"

func TestMain(m *testing.M) {
	harness.Main(m, map[string]func() error{valveRole: func() error {
		taskservice.Main(valveRole, func(taskservice.Config) (taskservice.Task, error) {
			return taskservice.TaskFunc(func(ctx context.Context, _ *taskservice.Session) error {
				<-ctx.Done()
				return nil
			}), nil
		})
		return nil
	}})
}

// plant is a context of five, and how its watchdog sees it.
type plant struct {
	*harness.Provider
	t        *testing.T
	database string
	page     string // of the tally
}

// begin starts: pump knows nothing of us and has its agent in the provider, valve is of
// our SDK, lamp is stopped later. Nobody is terminated for silence here.
func begin(t *testing.T) *plant {
	t.Helper()
	if _, err := exec.LookPath("sqlite3"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no sqlite3: apt-get install sqlite3")
		}
		t.Skip("no sqlite3: apt-get install sqlite3")
	}
	restarts := func(id string) map[string]harness.TransitionCall {
		return map[string]harness.TransitionCall{"on_fail": {Action: "restart", Call: id}}
	}
	p := &plant{t: t, database: filepath.Join(t.TempDir(), "watchdog.db")}
	p.Provider = harness.Start(t, harness.Write(t, harness.File{Tasks: []harness.Task{
		{
			ID: "ts000", Instance: "Watchdog", ServiceName: "watchdog",
			Values:  map[string]string{"database": p.database, "terminated_after": "10000", "alive_interval": "1h"},
			Process: `<restart policy="on-failure"/>`,
		},
		{ID: "ts090", Instance: "Tally", ServiceName: "tally", Values: map[string]string{"port": "0", "horizon": "80m"}},
		{ID: "ts001", ServiceName: "pump", Command: "/bin/sleep 100000", Transitions: restarts("ts001")},
		{
			ID: "ts002", ServiceName: valveRole, Command: harness.Self(t), Announce: "self",
			Env: map[string]string{harness.RoleVariable: valveRole}, Transitions: restarts("ts002"),
		},
		{ID: "ts003", ServiceName: "lamp", Command: "/bin/sleep 100001"},
	}}), "--start", "--ping_interval=300ms", "--alive_interval=1s")
	p.page = until(t, "the tally says where its page is", func() (string, error) {
		if found := pageURL.FindStringSubmatch(p.Command("logs", p.File, "ts090").Stdout); found != nil {
			return found[1], nil
		}
		return "", nil
	}, func(page string) bool { return page != "" })
	return p
}

var pageURL = regexp.MustCompile(`url=(http://127\.0\.0\.1:\d+/metrics)`)

// observed is a microservice, as conf_command tells of it.
type observed struct {
	GID         string `json:"gid"`
	UUID        string `json:"uuid"`
	Name        string `json:"name"`
	PID         int    `json:"pid"`
	State       string `json:"state"`
	Onboardings int    `json:"onboardings"`
	Reason      string `json:"reason"`
}

// ask runs a verb over the plant's bus.
func (p *plant) ask(verb string, args ...string) harness.Result {
	p.t.Helper()
	return p.Command(append([]string{verb, "--endpoint", p.Publish, "--listen_endpoint", p.Subscribe}, args...)...)
}

// services waits until the watchdog sees what is right.
func (p *plant) services(what string, right func(map[string]observed) bool) map[string]observed {
	p.t.Helper()
	return until(p.t, what, func() (map[string]observed, error) {
		r := p.ask("services", "-o", "json")
		if r.Code != 0 {
			return nil, fmt.Errorf("code %d: %s", r.Code, r.Stderr)
		}
		var list []observed
		err := json.Unmarshal([]byte(r.Stdout), &list)
		all := map[string]observed{}
		for _, s := range list {
			all[s.Name] = s
		}
		return all, err
	}, right)
}

// is waits until one has a state.
func (p *plant) is(name, state string) observed {
	p.t.Helper()
	return p.services(name+" is "+state, func(all map[string]observed) bool { return all[name].State == state })[name]
}

// counts waits until the tally has so many nodes.
func (p *plant) counts(nodes int) {
	p.t.Helper()
	until(p.t, fmt.Sprint("the tally has ", nodes), func() (int, error) {
		page, err := get(p.t, p.page)
		sum := 0
		for line := range strings.Lines(page) {
			if strings.HasPrefix(line, "lifecycle_tally_versions{") {
				n, err := strconv.Atoi(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]))
				if err != nil {
					return 0, err
				}
				sum += n
			}
		}
		return sum, err
	}, func(sum int) bool { return sum == nodes })
}

// story is what the database tells of one, by the program that everybody has.
func (p *plant) sqlite(query string) string {
	p.t.Helper()
	out, err := exec.CommandContext(p.t.Context(), "sqlite3", p.database, ".timeout 20000", query).CombinedOutput()
	if err != nil {
		p.t.Fatalf("%s: %v: %s", query, err, out)
	}
	return string(out)
}

func get(t *testing.T, from string) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, from, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

// until asks until the answer is right.
func until[A any](t *testing.T, what string, ask func() (A, error), right func(A) bool) A {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(harness.Patience); ; <-tick.C {
		answer, err := ask()
		if err == nil && right(answer) {
			return answer
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v, %v", what, answer, err)
		}
	}
}
