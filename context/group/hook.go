package group

import (
	"slices"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// The hooks of a task service are the keeper's to run: they go with the launch, so
// that a keeper alone runs them too. What failed before the start comes back as a failed
// spawn, and nothing is gone before the last of them is. Only the group knows when a
// service has started.

// The turns of conf.Hook that the group has a part in.
const (
	postStart = "post_start"
	preStop   = "pre_stop"
)

func (k *task) hooked(turn string) bool {
	return slices.ContainsFunc(k.spec.Process.Hooks, func(h conf.Hook) bool { return h.On == turn })
}

// hookEnded records how a hook ended. It changes nothing: what depends on it the
// keeper has seen to.
func (t *Transaction) hookEnded(e event.HookEnded) {
	k := t.live(e.Ref, "hook "+e.Turn)
	if k == nil {
		return
	}
	what := "hook " + e.Turn
	if e.Failure != "" {
		what += " failed"
	}
	t.record(k, k.seen.state, what, k.seen.cause, e.Failure)
}
