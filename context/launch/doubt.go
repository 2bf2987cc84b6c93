package launch

import (
	"fmt"
	"os"

	"zmicroservices/conf"
)

// Doubts are the things about t that would fail its start, as far as they can be
// known without one: files may come and users may be made until then, so these are
// warnings. dir is the Context file's folder.
func Doubts(dir string, t *conf.Task) []*conf.Error {
	var doubts []*conf.Error
	doubt := func(pos conf.Pos, err error) {
		doubts = append(doubts, &conf.Error{Pos: pos, Task: t.ID, Msg: "it could not be started here: " + err.Error()})
	}
	r := &Resolver{Dir: dir}
	for _, e := range t.Process.Env {
		if _, err := ReadEnv(r.abs(""), []conf.Env{e}); err != nil {
			doubt(e.Pos, err)
		}
	}
	for _, h := range t.Process.Hooks {
		one := &conf.Task{ID: t.ID, Instance: t.Instance, Process: conf.Process{Env: t.Process.Env, Hooks: []conf.Hook{h}}}
		if _, err := r.Hooks(one); err != nil {
			doubt(h.Pos, err)
		}
	}
	for _, p := range t.Process.Probes {
		if len(p.Exec) > 0 {
			if _, err := r.Program(t, p.Exec[0]); err != nil {
				doubt(p.Pos, err)
			}
		}
	}
	switch a, err := AccountOf(&t.Process); {
	case err != nil:
		doubt(t.Process.UserPos, err)
	case a != nil && os.Getuid() != 0 && (int(a.UID) != os.Getuid() || int(a.GID) != os.Getgid()):
		doubt(t.Process.UserPos, fmt.Errorf("become %s: only root may, and you are not", a.Name))
	}
	return doubts
}
