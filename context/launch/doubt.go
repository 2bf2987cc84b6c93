package launch

import (
	"zmicroservices/conf"
)

// Doubts are the things about t that would fail its start, as far as they can be
// known without one: files may come and users may be made until then, so these are
// warnings. dir is the Context file's folder.
func Doubts(dir string, t *conf.Task) []*conf.Error {
	var doubts []*conf.Error
	r := &Resolver{Dir: dir}
	for _, e := range t.Process.Env {
		if _, err := ReadEnv(r.abs(""), []conf.Env{e}); err != nil {
			doubts = append(doubts, &conf.Error{Pos: e.Pos, Task: t.ID, Msg: "it could not be started here: " + err.Error()})
		}
	}
	return doubts
}
