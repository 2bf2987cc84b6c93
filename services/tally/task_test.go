package tally

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/services/gap"
	"zmicroservices/taskservice"
)

func TestSettings(t *testing.T) {
	for name, c := range map[string]struct {
		config taskservice.Config
		want   settings
	}{
		"none": {
			taskservice.Config{},
			settings{address: "127.0.0.1", port: 8080, horizon: gap.Horizon},
		},
		"all": {
			taskservice.Config{Values: map[string]any{"component": "server", "port": "9100", "address": "0.0.0.0", "prefix": "fleet", "horizon": "5m"}},
			settings{component: "server", prefix: "fleet", address: "0.0.0.0", port: 9100, horizon: 5 * time.Minute},
		},
		"alive more often": {
			taskservice.Config{Watch: taskservice.Watch{Alive: 30 * time.Second}},
			settings{address: "127.0.0.1", port: 8080, horizon: 40 * time.Second},
		},
	} {
		got, err := settingsOf(c.config)
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(settings{})); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
	for _, values := range []map[string]any{{"port": "many", "address": "nowhere", "horizon": "soon"}, {"prefix": "7up", "address": "nowhere", "port": "70000"}} {
		_, err := New(taskservice.Config{Values: values})
		if err == nil || strings.Count(err.Error(), "\n") == 0 {
			t.Errorf("%v: not all is told: %v", values, err)
		}
	}
}

func TestElementsWithoutEffectAreNoticed(t *testing.T) {
	c := taskservice.Config{Values: map[string]any{"prot": "9100", "port": "9100", "version": "1.2", "componet": ""}}
	if got := strangers(c); !slices.Equal(got, []string{"componet", "prot"}) {
		t.Error(got)
	}
}

func TestAPortThatIsTakenIsAFailedStart(t *testing.T) {
	p := serve(t, newTally(t, Options{}).Handler())
	_, err := New(taskservice.Config{Values: map[string]any{"port": p.listener.Addr().String()[len("127.0.0.1:"):]}})
	if err == nil || !strings.Contains(err.Error(), "address already in use") || !strings.Contains(err.Error(), "port names another one") {
		t.Error(err)
	}
}
