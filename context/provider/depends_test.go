package provider

import (
	"testing"
)

func TestServicesStartAndStopInTheOrderOfTheirDependencies(t *testing.T) {
	// Each writes its name when it is up, and again when it is told to end.
	looped := func(name string) string {
		return `/bin/sh -c 'cd "$ZMS_STATE_DIR"; trap "echo -` + name + ` &gt;&gt;order; exit" TERM; echo ` + name + ` &gt;&gt;order; &gt;up-` + name + `; while :; do sleep 0.1; done'`
	}
	c := file(t, process("app", looped("app"), `<depends on="migrate" until="completed"/><depends on="db"/>`)+
		process("migrate", `/bin/sh -c 'cd "$ZMS_STATE_DIR"; until test -e up-db; do sleep 0.01; done; echo migrate &gt;&gt;order'`, `<depends on="db"/>`)+
		process("db", looped("db"), "")+
		process("probe", `/bin/sh -c 'cd "$ZMS_STATE_DIR"; until test -e up-app; do sleep 0.01; done'`, `<depends on="app"/>`))
	s := start(t, c)
	s.say("start")
	s.hear("probe", "stopped")
	s.say("exit")
	if err := s.wait(); err != nil {
		t.Errorf("run: %v", err)
	}
	if got, want := s.written("order"), "db\nmigrate\napp\n-app\n-db\n"; got != want {
		t.Errorf("order %q, want %q", got, want)
	}
}

func TestAFailedDependencyIsNamedInTheAnswer(t *testing.T) {
	s := start(t, file(t, process("app", "/bin/true", `<depends on="db"/>`)+process("db", "/no/such/program", "")))
	s.say("start")
	app := s.hear("app", "started")
	if app.Status["result"] != "failure" || app.Status["pid"] != nil {
		t.Errorf("app %v", app.Status)
	}
	r := s.hear("context001", "update")
	reasons, _ := r.Status["tasks"].(map[string]any)
	if reasons["app"] != app.Status["reason"] || reasons["db"] == nil {
		t.Errorf("answer %v", r.Status)
	}
}
