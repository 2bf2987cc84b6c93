package web

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/hippodamia/schema"
)

func routes(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", o.Metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		text(w, http.StatusOK, "ok", ills(o.Standing(r.Context())))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if late := unready(o.Standing(r.Context())); len(late) > 0 {
			text(w, http.StatusServiceUnavailable, "not ready", late)
			return
		}
		text(w, http.StatusOK, "ready", nil)
	})
	mux.HandleFunc("GET /api/top", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		_ = e.Encode(o.Figures(r.Context())) // whom it does not reach has gone
	})
	mux.Handle("GET /docs/asyncapi.json", file("application/json", schema.AsyncAPI))
	mux.Handle("GET /docs/messages.md", file("text/markdown; charset=utf-8", schema.Messages))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		f := o.Standing(r.Context())
		text(w, http.StatusOK, fmt.Sprintf("context %s, %d task services", f.Context, len(f.Services)), []string{
			"/metrics   for Prometheus", "/healthz   whether the provider works", "/readyz    whether all task services are ready",
			"/api/top   what everything costs, as JSON",
			"/docs/asyncapi.json   what watchdog and agents say to each other; /docs/messages.md for people",
		})
	})
	return mux
}

// file answers what never changes.
func file(kind string, data []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(data) // as above
	})
}

// text answers a line, and more that explain it.
func text(w http.ResponseWriter, code int, first string, more []string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = fmt.Fprintln(w, strings.Join(append([]string{first}, more...), "\n")) // as above
}

// ills are those that the provider works on with. None of them is cured by killing it,
// which is what those who ask for health do.
func ills(f *event.Figures) []string {
	var found []string
	if j := f.Journal; j.Failing != "" {
		found = append(found, "warning: journal cannot be written: "+j.Failing)
	} else if j.Stalled {
		found = append(found, "warning: the journal's disk does not answer")
	}
	if len(f.Self) < 2 {
		found = append(found, "warning: the keeper does not answer")
	}
	return found
}

// unready names the task services that are to be up and are not ready, and those that
// failed, in the latest transaction and in those of which something runs or is to run.
func unready(f *event.Figures) []string {
	live := map[event.TransactionID]bool{}
	if n := len(f.Services); n > 0 {
		live[f.Services[n-1].Transaction] = true
	}
	for _, s := range f.Services {
		if s.Present || s.Wanted || s.Scheduled || s.State == event.Created {
			live[s.Transaction] = true
		}
	}
	var late []string
	for _, s := range f.Services {
		failed := s.State == event.Failed
		waiting := s.Wanted && !s.Ready && !s.Completed && !s.Scheduled && s.State != event.Created
		if live[s.Transaction] && (failed || waiting) {
			line := fmt.Sprintf("%s (%s) %s", s.ID, s.Instance, s.State)
			if why := cmp.Or(s.Waits, s.Reason); why != "" {
				line += ": " + strings.Join(strings.Fields(why), " ")
			}
			late = append(late, line)
		}
	}
	return late
}
