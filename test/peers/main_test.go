// Package peers runs contexts of several hosts that know each other by their Schedulers,
// and looks at what each knows and says of the others.
package peers

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m, nil) }

const file = `<?xml version="1.0" encoding="UTF-8"?>
<Context>
  <FrontEndEndpoint>tcp://127.0.0.1:1</FrontEndEndpoint>
  <BackendEndpoint>tcp://127.0.0.1:2</BackendEndpoint>
  <FrontBind>tcp://127.0.0.1:0</FrontBind>
  <BackendBind>tcp://127.0.0.1:0</BackendBind>
  <ContextID>%s</ContextID>
  <TaskLogName>Peers</TaskLogName>
  <TaskService id="ts001" topic="process" instance="Scheduler" serviceType="Process">
    <Task>
      <message>
        <header><action>start</action><service_name>scheduler</service_name></header>
        <content><configuration><device_action>sync</device_action><interval>500ms</interval>
          <listen>%s</listen>%s</configuration></content>
      </message>
      <state type="on_start"/>
    </Task>
  </TaskService>
</Context>
`

// host is a provider with a Scheduler.
type host struct {
	*harness.Provider
	t  *testing.T
	at string // its Scheduler's API
}

// place is an address that nobody else has at the moment.
func place(t *testing.T) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer free.Close()
	return free.Addr().String()
}

// up starts one. more goes into the configuration.
func up(t *testing.T, id, at, more string) *host {
	t.Helper()
	path := filepath.Join(t.TempDir(), "Context.xml")
	if err := os.WriteFile(path, fmt.Appendf(nil, file, id, at, more), 0o600); err != nil {
		t.Fatal(err)
	}
	return &host{Provider: harness.Start(t, path, "--start", "--monitor_interval=0"), t: t, at: at}
}

// known is what GET /peers says of one.
type known struct {
	UUID, IP, Name, Availability string

	Contexts []struct {
		ContextID    string `json:"context_id"`
		FrontEnd     string `json:"front_end_endpoint"`
		Transactions []struct {
			ID       string
			Services int
			States   map[string]int
		}
	}
}

// peers asks a host whom it knows; nobody, while it does not answer.
func (h *host) peers() []known {
	response, err := http.Get("http://" + h.at + "/peers")
	if err != nil {
		return nil
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil
	}
	var all struct{ Peers []known }
	if err := json.Unmarshal(text, &all); err != nil {
		h.t.Fatalf("%v in %s", err, text)
	}
	return all.Peers
}

// until waits for something that a host knows.
func (h *host) until(what string, is func([]known) bool) []known {
	h.t.Helper()
	for end := time.Now().Add(harness.Patience); ; <-time.After(20 * time.Millisecond) {
		all := h.peers()
		if is(all) {
			return all
		}
		if time.Now().After(end) {
			h.t.Fatalf("%s: it knows %+v", what, all)
		}
	}
}
