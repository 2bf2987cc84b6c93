package gap

// deadlines is a binary heap of slots, by their due, that tells each slot its place.
// container/heap would box every index.
type deadlines[K comparable] []int32

func (h *deadlines[K]) push(slots []slot[K], i int32) {
	slots[i].place = int32(len(*h))
	*h = append(*h, i)
	h.up(slots, slots[i].place)
}

// remove takes out what is at a place.
func (h *deadlines[K]) remove(slots []slot[K], at int32) {
	last := int32(len(*h) - 1)
	slots[(*h)[at]].place = -1
	if at != last {
		(*h)[at] = (*h)[last]
		slots[(*h)[at]].place = at
	}
	*h = (*h)[:last]
	if at != last {
		h.fix(slots, at)
	}
}

// fix moves what is at a place to where it belongs.
func (h *deadlines[K]) fix(slots []slot[K], at int32) {
	if !h.down(slots, at) {
		h.up(slots, at)
	}
}

func (h *deadlines[K]) up(slots []slot[K], at int32) {
	for at > 0 {
		parent := (at - 1) / 2
		if !h.before(slots, at, parent) {
			return
		}
		h.swap(slots, at, parent)
		at = parent
	}
}

func (h *deadlines[K]) down(slots []slot[K], at int32) (moved bool) {
	for n := int32(len(*h)); ; {
		first := 2*at + 1
		if first >= n {
			return moved
		}
		if right := first + 1; right < n && h.before(slots, right, first) {
			first = right
		}
		if !h.before(slots, first, at) {
			return moved
		}
		h.swap(slots, at, first)
		at, moved = first, true
	}
}

func (h *deadlines[K]) before(slots []slot[K], a, b int32) bool {
	return slots[(*h)[a]].due < slots[(*h)[b]].due
}

func (h *deadlines[K]) swap(slots []slot[K], a, b int32) {
	(*h)[a], (*h)[b] = (*h)[b], (*h)[a]
	slots[(*h)[a]].place, slots[(*h)[b]].place = a, b
}
