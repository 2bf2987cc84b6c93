package bridge

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestTide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tide := newTide()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, _, err := tide.wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without a link it was waited for %v", err)
		}
		go func() { // ends with its second step
			time.Sleep(time.Minute)
			tide.rise()
			tide.rise()
			time.Sleep(time.Minute)
			tide.fall()
			tide.fall()
		}()
		began := time.Now()
		link, done, err := tide.wait(t.Context())
		if err != nil || time.Since(began) != time.Minute || !tide.isUp() {
			t.Fatalf("%v after %v", err, time.Since(began))
		}
		defer done()
		<-link.Done()
		if time.Since(began) != 2*time.Minute || !errors.Is(context.Cause(link), errEbb) || tide.isUp() {
			t.Errorf("%v after %v", context.Cause(link), time.Since(began))
		}
		tide.rise()
		if _, _, err := tide.wait(ctx); err == nil {
			t.Error("a ctx that has ended waits for nothing")
		}
		tide.fall()
	})
}

func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pauses
		for i, want := range []time.Duration{100, 200, 400, 800, 1600, 3200, 5000, 5000} {
			want *= time.Millisecond
			began := time.Now()
			p.wait(t.Context())
			if took := time.Since(began); took < want*3/4 || took > want*5/4 {
				t.Errorf("pause %d took %v, want about %v", i, took, want)
			}
			if d := reconnectPause(i + 1); d < want*3/4 || d > want*5/4 {
				t.Errorf("pause %d before the link is tried is %v, want about %v", i, d, want)
			}
		}
		p.reset()
		if d := p.take(); d > 125*time.Millisecond {
			t.Errorf("after a success it is %v", d)
		}
	})
}
