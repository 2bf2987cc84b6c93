package store

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// rush runs a store that is told of a rush, in a bubble: time passes when all wait.
func rush(t *testing.T, test func(t *testing.T, h held)) {
	synctest.Test(t, func(t *testing.T) {
		d, err := Open(t.Context(), options(t))
		if err != nil {
			t.Fatal(err)
		}
		h := held{d, t}
		ended := make(chan error, 1)
		go func() { ended <- h.Run(context.Background()) }() // ends with Close
		h.Gather(time.Hour)
		synctest.Wait()
		test(t, h)
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
		<-ended
	})
}

func TestARushIsWrittenAsOneWhenItPauses(t *testing.T) {
	rush(t, func(t *testing.T, h held) {
		for n := range 3 * group {
			h.Put("one", insert(0))
			h.Do(insert(1 + n))
			if n%100 == 0 {
				<-time.After(gatherPause / 2)
			}
		}
		if s := h.Stats(); s.Commits != 0 {
			t.Fatalf("it was written while it went on: %+v", s)
		}
		<-time.After(2 * gatherPause)
		synctest.Wait()
		// 6 groups otherwise, and each with a row of the one key: that would be refused.
		if s := h.Stats(); s.Commits != 1 || s.Refused != 0 || s.Waiting != 0 {
			t.Errorf("after the pause %+v", s)
		}
		h.Do(insert(-1))
		synctest.Wait()
		if s := h.Stats(); s.Commits != 2 {
			t.Errorf("after the rush a write has waited: %+v", s)
		}
	})
}

func TestWhoAsksEndsARush(t *testing.T) {
	rush(t, func(t *testing.T, h held) {
		h.Do(insert(1))
		patient := false
		h.Durable(func(error) { patient = true })
		synctest.Wait()
		if patient {
			t.Error("one who can wait ended it")
		}
		began := time.Now()
		if err := h.durable(); err != nil || !patient {
			t.Errorf("asked: %v, patient %v", err, patient)
		}
		if waited := time.Since(began); waited > 0 {
			t.Errorf("it waited %v", waited)
		}
	})
}

func TestARushEndsInTimeAndWithTheStore(t *testing.T) {
	rush(t, func(t *testing.T, h held) {
		h.Gather(5 * gatherPause)
		for n := range 20 { // it does not pause
			h.Do(insert(n))
			<-time.After(gatherPause / 2)
		}
		if s := h.Stats(); s.Commits == 0 {
			t.Errorf("it went on: %+v", s)
		}
	})
	rush(t, func(t *testing.T, h held) {
		h.Do(insert(1))
		synctest.Wait()
		if err := h.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s := h.Stats(); s.Written != 1 || s.Lost != 0 {
			t.Errorf("closed: %+v", s)
		}
	})
}

func TestAWriteLingersForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(t)
		o.Linger = 5 * time.Millisecond
		d, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		h := held{d, t}.run()
		for n := range 20 { // one each millisecond
			h.Do(insert(n))
			<-time.After(time.Millisecond)
		}
		<-time.After(o.Linger)
		synctest.Wait()
		if s := h.Stats(); s.Written != 20 || s.Commits != 4 {
			t.Errorf("20 writes within 20 ms: %+v", s)
		}
		h.Do(insert(20))
		began := time.Now()
		if err := h.durable(); err != nil || time.Since(began) > 0 {
			t.Errorf("who asks has waited %v: %v", time.Since(began), err)
		}
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
}

func TestWhatARunLeavesIsWritten(t *testing.T) {
	h := open(t, options(t))
	h.Gather(time.Hour)
	h.Do(insert(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if got := h.numbers(); len(got) != 1 {
		t.Errorf("rows %v", got)
	}
}

func TestAStoreThatShrinksWritesOn(t *testing.T) {
	h := open(t, options(t)).run()
	for n := range 3 {
		h.Do(insert(n))
		h.Shrink()
		if err := h.durable(); err != nil {
			t.Fatal(err)
		}
	}
	if s := h.Stats(); s.Refused != 0 || len(h.numbers()) != 3 {
		t.Errorf("rows %v, %+v", h.numbers(), s)
	}
}
