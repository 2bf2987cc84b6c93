package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"zmicroservices/context/keeper"
	"zmicroservices/internal/crashpoint"
)

// hold is the provider's hold on its keeper. It knows what the keeper was asked for,
// so that another one can take over when it is killed, and for whoever asks it is the
// same keeper all the time: what a dead one did not take, the next one is told.
type hold struct {
	mu     sync.Mutex // guards all below, and the order of requests
	keeper *keeper.Client
	slots  map[keeper.ID]*held // asked for and not over
	ended  bool                // its end was asked for: no other follows
	last   *keeper.Client      // whose end that was
	passed chan struct{}       // closed, and made anew, when another follows
}

// held is a slot as far as it was asked and told.
type held struct {
	claim  keeper.Claim
	spec   *keeper.Spec   // until it is spawned
	stop   *keeper.Recipe // its end was asked for, by this recipe
	kill   bool           // by SIGKILL
	exited bool           // how it ended was told
	turn   string         // hooks that were asked for and have not ended
	dog    time.Duration  // its watchdog
}

func newHold(k *keeper.Client) *hold {
	return &hold{keeper: k, slots: map[keeper.ID]*held{}, passed: make(chan struct{})}
}

// Spawn is keeper.Client's.
func (h *hold) Spawn(s keeper.Spec) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	crashpoint.Here("spawn asked")
	if err := h.keeper.Spawn(s); err != nil && h.keeper.Err() == nil {
		return err
	}
	crashpoint.Here("spawn sent")
	if h.slots[s.ID] != nil {
		return nil
	}
	c := keeper.Claim{ID: s.ID, Stop: s.Stop, Output: s.Output, Notify: s.Notify, Maybe: true}
	if len(s.Hooks) > 0 { // else what they are run with is not kept
		c.Hooks, c.Env, c.Dir, c.Attributes = s.Hooks, s.Env, s.Dir, s.Attributes
	}
	h.slots[s.ID] = &held{claim: c, spec: &s}
	return nil
}

// Stop is keeper.Client's.
func (h *hold) Stop(id keeper.ID, r *keeper.Recipe) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if slot := h.slots[id]; slot != nil {
		if slot.stop = r; r == nil {
			slot.stop = &slot.claim.Stop
		}
	}
	crashpoint.Here("stop asked")
	err := h.keeper.Stop(id, r)
	crashpoint.Here("stop sent")
	return h.unlessLost(err)
}

// Kill is keeper.Client's.
func (h *hold) Kill(id keeper.ID) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if slot := h.slots[id]; slot != nil {
		slot.kill = true
	}
	return h.unlessLost(h.keeper.Kill(id))
}

// Hook is keeper.Client's.
func (h *hold) Hook(id keeper.ID, turn string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if slot := h.slots[id]; slot != nil {
		slot.turn = turn
	}
	return h.unlessLost(h.keeper.Hook(id, turn))
}

// Watchdog is keeper.Client's.
func (h *hold) Watchdog(id keeper.ID, every time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if slot := h.slots[id]; slot != nil {
		slot.dog = every
	}
	return h.unlessLost(h.keeper.Watchdog(id, every))
}

// unlessLost passes over what a lost keeper did not take: the next one is told.
func (h *hold) unlessLost(err error) error {
	if h.keeper.Err() != nil {
		return nil
	}
	return err
}

// List is keeper.Client's.
func (h *hold) List(ctx context.Context) ([]keeper.Status, error) { return h.current().List(ctx) }

// current is the keeper of now.
func (h *hold) current() *keeper.Client {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.keeper
}

// successor waits until another keeper has followed this one.
func (h *hold) successor(ctx context.Context, k *keeper.Client) error {
	h.mu.Lock()
	passed, followed := h.passed, h.keeper != k
	h.mu.Unlock()
	if followed {
		return nil
	}
	select {
	case <-passed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end says that no other keeper is to follow, and gives the last one.
func (h *hold) end() *keeper.Client {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended, h.last = true, h.keeper
	return h.keeper
}

// overtaken says that the end was asked of a keeper that was dead by then, while this
// one was about to follow it.
func (h *hold) overtaken(k *keeper.Client) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ended && h.last != k
}

func (h *hold) isEnded() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ended
}

// found takes what a keeper holds that was met.
func (h *hold) found(list []keeper.Status) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range list {
		if s.State == keeper.Over || h.slots[s.ID] != nil {
			continue
		}
		slot := &held{
			claim:  keeper.Claim{ID: s.ID, Start: s.Start, Stop: s.Stop, Output: keeper.Output{Log: s.Log}, Notify: s.Notify, Maybe: s.PID == 0},
			exited: s.Exited && !slices.Contains(s.Lost, keeper.LostExitCode),
		}
		if s.Ending != nil && s.Ending.Asked {
			slot.stop = &s.Ending.Recipe
		}
		h.slots[s.ID] = slot
	}
}

// complete adds to a slot what a keeper does not tell, and another one would need.
func (h *hold) complete(c keeper.Claim) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if slot := h.slots[c.ID]; slot != nil {
		own := &slot.claim
		own.Output, own.Hooks, own.Env, own.Dir, own.Attributes = c.Output, c.Hooks, c.Env, c.Dir, c.Attributes
	}
}

// expect takes what a keeper held that is gone, as far as the journal knows.
func (h *hold) expect(c keeper.Claim, exited bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.slots[c.ID] = &held{claim: c, exited: exited}
}

// told takes an event, and says whether how the slot ended is known: it was told
// now, or by a keeper before.
func (h *hold) told(e keeper.Event) (known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	slot := h.slots[e.ID]
	lost := slices.Contains(e.Lost, keeper.LostExitCode)
	known = !lost || slot != nil && slot.exited
	if over := e.Kind == keeper.Exited || e.Kind == keeper.SpawnFailed; over && e.ID.Hook != "" {
		id := e.ID
		id.Hook = ""
		if service := h.slots[id]; service != nil && isTurn(e.ID.Hook) {
			service.turn = ""
		}
	}
	if slot == nil {
		return known
	}
	switch e.Kind {
	case keeper.Spawned, keeper.Adopted:
		slot.claim.Start, slot.claim.Maybe, slot.spec = e.Start, false, nil
	case keeper.Exited:
		slot.exited = slot.exited || !lost
	case keeper.Gone, keeper.SpawnFailed:
		delete(h.slots, e.ID)
	}
	return known
}

// leader is the process of a slot: the keeper's word, whatever pid a service gives
// itself. false: there is none, or it has exited.
func (h *hold) leader(id keeper.ID) (keeper.Identity, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	slot := h.slots[id]
	if slot == nil || slot.exited || slot.claim.Start.PID == 0 {
		return keeper.Identity{}, false
	}
	return slot.claim.Start, true
}

// claims are what another keeper has to take over.
func (h *hold) claims() []keeper.Claim {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]keeper.Claim, 0, len(h.slots))
	for _, slot := range h.slots {
		all = append(all, slot.claim)
	}
	return all
}

// pass gives the slots to the keeper that has adopted what it found of them, and asks
// it for what was under way: what the dead one had not spawned, and what was to end.
// What is returned was neither found nor can be asked for again.
func (h *hold) pass(k *keeper.Client, adopted []keeper.Status) (lost []keeper.ID, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.keeper = k
	close(h.passed)
	h.passed = make(chan struct{})
	there := map[keeper.ID]bool{}
	for _, s := range adopted {
		there[s.ID] = true
	}
	for _, id := range slices.SortedFunc(maps.Keys(h.slots), func(a, b keeper.ID) int {
		return int(a.Incarnation) - int(b.Incarnation)
	}) {
		slot := h.slots[id]
		var refused error
		switch {
		case there[id]:
		case slot.spec != nil:
			refused = k.Spawn(*slot.spec)
		default:
			delete(h.slots, id)
			lost = append(lost, id)
			continue
		}
		if slot.dog > 0 {
			refused = errors.Join(refused, k.Watchdog(id, slot.dog))
		}
		if slot.turn != "" {
			refused = errors.Join(refused, k.Hook(id, slot.turn))
		}
		if slot.stop != nil {
			refused = errors.Join(refused, k.Stop(id, slot.stop))
		}
		if slot.kill {
			refused = errors.Join(refused, k.Kill(id))
		}
		if refused != nil {
			err = errors.Join(err, fmt.Errorf("pass on slot %s: %w", id, refused))
		}
	}
	return lost, err
}
