package journal

import "testing"

func child(string) int { return 99 }

func TestX(t *testing.T) {
	h := open(t, options(t)).run()
	h.Begin(Transaction{ID: tr, Began: epoch})
	for n := range 10 {
		h.Record(change(uint64(n + 1)))
	}
	h.Want(Want{Transaction: tr, Task: "ts001", Up: true, Spec: []byte(`{}`), Seq: 10})
	h.durable()
	if n := len(h.history(Filter{})); n != 10 {
		t.Error(n)
	}
	t.Log(h.Saved(t.Context()))
	l, err := h.Why(t.Context(), "", "ts001")
	t.Log(Explain(l), err)
	t.Log(h.history(Filter{Limit: 2, Latest: true})[1].Change)
	h.trim()
	h.durable()
	h.End(tr)
	t.Log(h.Saved(t.Context()))
}
