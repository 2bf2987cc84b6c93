package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zmicroservices/conf"
)

// sources is a Context file of Go services that are yet to be built, and the
// go command that is found builds them as the script says: $out is the executable.
func sources(t *testing.T, script string, names ...string) *conf.Context {
	t.Helper()
	var tasks strings.Builder
	for _, name := range names {
		fmt.Fprintf(&tasks, `<TaskService id="%s" topic="process" instance="%[1]s" serviceType="Process">
		<Process announce="provider"/>
		<Task><message><header><service_name>n</service_name></header><content><configuration>
		<location>src</location></configuration></content></message><state type="on_start"/></Task></TaskService>`, name)
	}
	c := file(t, tasks.String())
	dir := filepath.Dir(c.File)
	write := func(path, text string, mode os.FileMode) {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		write("src/"+name+"/main.go", "package main\n", 0o644)
	}
	write("bin/go", "#!/bin/sh\nwhile [ \"$1\" != -o ]; do shift; done\nout=$2\ncd "+dir+"\n"+script, 0o755)
	t.Setenv("PATH", filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
	return c
}

// present says that a file below the Context file's folder is there.
func present(c *conf.Context, name string) func() bool {
	return func() bool {
		_, err := os.Stat(filepath.Join(filepath.Dir(c.File), name))
		return err == nil
	}
}

func TestAStopEndsABuild(t *testing.T) {
	c := sources(t, "trap 'touch interrupted; exit 1' INT\ntouch building\nsleep 1000 & wait\n", "slow", "waits")
	s := start(t, c)
	s.say("start")
	await(t, "the build", present(c, "building"))
	began := time.Now()
	s.cancel()
	if err := s.wait(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the end took %v", took)
	}
	if !present(c, "interrupted")() {
		t.Error("the build was not asked to end")
	}
}

// With an empty cache each of several builds would compile all that they share.
func TestBuildsTakeTurns(t *testing.T) {
	c := sources(t, `mkdir building || touch together
sleep 0.1
printf '#!/bin/sh\nexec sleep 1000\n' > "$out" && chmod +x "$out"
rmdir building
`, "a", "b", "c")
	s := start(t, c)
	s.say("start")
	for _, id := range []string{"a", "b", "c"} {
		await(t, "the executable of "+id, present(c, "src/"+id+"/"+id))
	}
	s.cancel()
	if err := s.wait(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if present(c, "together")() {
		t.Error("two builds ran together")
	}
}
