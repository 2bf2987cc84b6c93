package command

import (
	"context"
	"errors"
	"time"

	"zmicroservices/context/event"
)

// UpgradeRequest asks the provider and its keeper to run another program.
type UpgradeRequest struct {
	Program   string        `json:"program,omitempty"`   // absolute; "" is what lies where the running one lay
	Probation time.Duration `json:"probation,omitempty"` // how long it must live; 0 is DefaultProbation

	Cause event.Cause `json:"-"`
}

// DefaultProbation is how long a new program must live to be kept.
const DefaultProbation = 10 * time.Second

// Upgrade is the latest upgrade as the provider that answers knows it.
type Upgrade struct {
	ID      string `json:"id"`
	From    string `json:"from"` // version
	To      string `json:"to"`   // version of the provider that answers
	Program string `json:"program"`
	// Outcome is empty during the probation, then UpgradeDone or UpgradeRolledBack.
	Outcome string `json:"outcome,omitempty"`
	Reason  string `json:"reason,omitempty"` // of a roll-back
}

// The outcomes of an upgrade.
const (
	UpgradeDone       = "done"
	UpgradeRolledBack = "rolled_back"
)

// Upgrader is what the handlers need of whoever can execute another program. nil in
// Options: there is nobody.
type Upgrader interface {
	// Upgrade upgrades the keeper and makes everything ready for the provider's own
	// turn, which is proceed: it ends this program. said hears of each step.
	Upgrade(ctx context.Context, r UpgradeRequest, said func(string)) (u Upgrade, proceed func(), err error)
	// Upgraded is the latest one; nil: none since the provider began.
	Upgraded() *Upgrade
}

// upgrade answers before the program that could has gone.
func (ses *session) upgrade(ctx context.Context, q query) {
	up := ses.s.h.opts.Upgrader
	if up == nil || q.Upgrade == nil {
		ses.send(reply{ID: q.ID, Done: true, Error: "this provider cannot be upgraded in place"})
		return
	}
	r := *q.Upgrade
	r.Cause = event.Cause{Origin: event.ByOperator, By: ses.peer.Name}
	u, proceed, err := up.Upgrade(ctx, r, func(text string) { ses.send(reply{ID: q.ID, Said: text}) })
	ses.send(answerOf(q, err, reply{Upgrade: &u}))
	if err == nil {
		proceed()
	}
}

func (ses *session) upgraded(q query) {
	r := reply{ID: q.ID, Done: true}
	if up := ses.s.h.opts.Upgrader; up != nil {
		r.Upgrade = up.Upgraded()
	}
	ses.send(r)
}

// Upgrade has the provider and its keeper execute another program. It returns when the
// keeper has and the provider is about to: this connection ends then, and whoever
// answers next is asked by Upgraded. said hears of each step. With an error everything
// runs on as it was, or was rolled back: it says so.
func (c *Client) Upgrade(ctx context.Context, r UpgradeRequest, said func(string)) (Upgrade, error) {
	var u *Upgrade
	err := c.call(ctx, query{Verb: "upgrade", Upgrade: &r}, func(r reply) {
		if r.Said != "" {
			said(r.Said)
		}
		if r.Upgrade != nil {
			u = r.Upgrade
		}
	})
	switch {
	case err != nil:
		return Upgrade{}, err
	case u == nil:
		return Upgrade{}, errors.New("provider gave no answer to the upgrade")
	}
	return *u, nil
}

// Upgraded gives the latest upgrade, nil if there was none since this provider began.
func (c *Client) Upgraded(ctx context.Context) (*Upgrade, error) {
	var u *Upgrade
	err := c.call(ctx, query{Verb: "upgraded"}, func(r reply) { u = r.Upgrade })
	return u, err
}
