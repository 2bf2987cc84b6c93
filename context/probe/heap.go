package probe

import heaps "container/heap"

// heap holds trials by the time that they are due, the next first.
type heap []*trial

func (h heap) Len() int           { return len(h) }
func (h heap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h heap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface of container/heap.
func (h *heap) Push(x any) {
	t := x.(*trial)
	t.index = len(*h)
	*h = append(*h, t)
}

// Pop implements it too.
func (h *heap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last], *h = nil, (*h)[:last]
	t.index = -1
	return t
}

// add puts one in, unless it is over or never due.
func (h *heap) add(t *trial) {
	if !t.over && t.at != never && t.index < 0 {
		heaps.Push(h, t)
	}
}

func (h *heap) pop() *trial { return heaps.Pop(h).(*trial) }

func (h *heap) remove(t *trial) {
	if t.index >= 0 {
		heaps.Remove(h, t.index)
	}
}

func (h *heap) move(t *trial) {
	if t.index >= 0 {
		heaps.Fix(h, t.index)
	}
}
