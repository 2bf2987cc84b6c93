package provider

import (
	"fmt"
	"slices"
	"strings"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/context/group"
	"zmicroservices/context/keeper"
	"zmicroservices/context/launch"
)

// hooksOf are the hooks of a task service in the keeper's words.
func hooksOf(r *launch.Resolver, t *conf.Task) ([]keeper.Hook, error) {
	found, err := r.Hooks(t)
	if err != nil {
		return nil, err
	}
	var all []keeper.Hook
	for _, h := range found {
		all = append(all, keeper.Hook{On: h.On, Path: h.Path, Argv: h.Argv, Timeout: h.Timeout})
	}
	return all, nil
}

// Hook implements group.Launcher.
func (l *launcher) Hook(h group.Hook) {
	if err := l.keeper.Hook(slot(h.Ref), keeper.PostStart); err != nil {
		l.log.Error("hooks not run", "task", h.Ref.Task, "transaction", h.Ref.Transaction, "err", err)
	}
}

// isTurn says that a slot beside a service's is one of its hooks: "pre_stop", or the
// second of that turn, "pre_stop.2".
func isTurn(hook string) bool {
	turn, _, _ := strings.Cut(hook, ".")
	return slices.Contains([]string{keeper.PreStart, keeper.PostStart, keeper.PreStop, keeper.PostStop}, turn)
}

// hookTold takes what the keeper tells of a hook to its transaction: its end.
func (p *Provider) hookTold(e keeper.Event) {
	ended := event.HookEnded{Ref: refOf(e.ID), Turn: e.ID.Hook, Failure: e.Err}
	switch {
	case e.Kind != keeper.Exited && e.Kind != keeper.SpawnFailed:
		return
	case ended.Failure != "":
	case e.Signal != 0:
		ended.Failure = "it was killed by " + signalName(e.Signal)
	case e.Code != 0:
		ended.Failure = fmt.Sprintf("it exited with code %d", e.Code)
	}
	p.put(ended.Ref, ended)
}
