package mqtt

import (
	"strconv"
	"testing"
)

func TestAFullQueueDropsTheOldest(t *testing.T) {
	q := newQueue(3)
	for i := range 5 {
		q.put(note{strconv.Itoa(i), []byte("x")})
	}
	if q.drops() != 2 {
		t.Error(q.drops())
	}
	got := q.take(2)
	if len(got) != 2 || got[0].topic != "2" || got[1].topic != "3" {
		t.Error(got)
	}
	q.put(note{"5", nil})
	q.giveBack(got) // 2 3 4 5: one too many
	if got = q.take(9); len(got) != 3 || got[0].topic != "3" || got[2].topic != "5" || q.drops() != 3 {
		t.Error(got, q.drops())
	}
	if q.take(1) != nil || q.size != 0 {
		t.Error("there is more", q.size)
	}
	q.put(note{"a", make([]byte, maxQueued)})
	q.put(note{"b", make([]byte, 1)})
	if got = q.take(9); len(got) != 1 || got[0].topic != "b" {
		t.Error(len(got))
	}
}
