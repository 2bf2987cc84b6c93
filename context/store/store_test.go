package store

import "testing"

func child(string, []string) int { return 99 }

func TestX(t *testing.T) {
	h := open(t, options(t)).run()
	for n := range 10 {
		h.Do(insert(n))
	}
	if err := h.durable(); err != nil {
		t.Fatal(err)
	}
	if len(h.numbers()) != 10 {
		t.Error(h.numbers())
	}
}
