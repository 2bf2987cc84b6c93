package hosts

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"
)

// producer is a host that is told of changes of address, of another make than ours.
type producer struct {
	*place
	told chan told // sent by its API, never closed; there is room for more than a test makes
}

// told is a call of POST /ip.
type told struct {
	at       time.Time
	UUID, IP string
}

func produce(t *testing.T, at *place) *producer {
	t.Helper()
	p := &producer{place: at, told: make(chan told, 1000)}
	l, err := at.listen(at.address())
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ip", func(_ http.ResponseWriter, r *http.Request) {
		call := told{at: time.Now()}
		if json.NewDecoder(r.Body).Decode(&call) == nil {
			p.told <- call
		}
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: patience}
	ended := make(chan struct{})
	go func() { // ends with the test
		defer close(ended)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		server.Close()
		<-ended
	})
	return p
}

// hears waits for the word that a host is at an address now, and gives when it came.
func (p *producer) hears(t *testing.T, who *host) time.Time {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case call := <-p.told:
			if call.UUID == who.uuid && call.IP == who.address() {
				return call.at
			}
		case <-late:
			t.Fatalf("nobody told %s of %s", p.ip, who)
		}
	}
}
