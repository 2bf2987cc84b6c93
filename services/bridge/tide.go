package bridge

import (
	"context"
	"errors"
	"sync"
)

// errEbb ends what needs NATS when the link to it breaks.
var errEbb = errors.New("the link to NATS is down")

// tide is whether NATS can be talked to, for all who wait for that.
type tide struct {
	mu     sync.Mutex // guards the rest
	up     chan struct{}
	link   context.Context // ends when the link breaks; nil while there is none
	cancel context.CancelCauseFunc
}

func newTide() *tide { return &tide{up: make(chan struct{})} } // up is closed by rise, and made anew by fall

// rise says that there is a link.
func (t *tide) rise() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.link != nil {
		return
	}
	t.link, t.cancel = context.WithCancelCause(context.Background())
	close(t.up)
}

// fall says that there is none any more.
func (t *tide) fall() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.link == nil {
		return
	}
	t.cancel(errEbb)
	t.link, t.cancel = nil, nil
	t.up = make(chan struct{})
}

// wait waits for a link, and gives a context that ends with it or with ctx.
func (t *tide) wait(ctx context.Context) (context.Context, context.CancelFunc, error) {
	for {
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		t.mu.Lock()
		up, link := t.up, t.link
		t.mu.Unlock()
		if link != nil {
			both, cancel := context.WithCancelCause(ctx)
			stop := context.AfterFunc(link, func() { cancel(errEbb) })
			return both, func() { stop(); cancel(nil) }, nil
		}
		select {
		case <-up:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// isUp says whether there is a link at this moment.
func (t *tide) isUp() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.link != nil
}
