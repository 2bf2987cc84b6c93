package logs

import (
	"container/heap"
	"errors"
	"io"
)

// merge gives the lines of several sources in the order of their times. The zero value
// is ready.
type merge struct{ heads heads }

// head is a source and its next line.
type head struct {
	*source
	line  Line
	given bool // the line was given away
	rank  int  // of the source: decides between equal times
}

// heads is a heap, see container/heap.
type heads []head

func (h heads) Len() int { return len(h) }
func (h heads) Less(i, j int) bool {
	if !h[i].order.Equal(h[j].order) {
		return h[i].order.Before(h[j].order)
	}
	return h[i].rank < h[j].rank
}
func (h heads) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *heads) Push(x any)   { *h = append(*h, x.(head)) }
func (h *heads) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// add takes a source in.
func (m *merge) add(s *source, rank int) error {
	line, err := s.next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		heap.Push(&m.heads, head{source: s, line: line, rank: rank})
	}
	return err
}

// next gives the oldest line; io.EOF after the last. It is valid until then: the source
// reads on only when it is asked for the one after it.
func (m *merge) next() (Line, error) {
	if len(m.heads) > 0 && m.heads[0].given {
		first := &m.heads[0]
		line, err := first.source.next()
		switch {
		case errors.Is(err, io.EOF):
			heap.Pop(&m.heads)
		case err != nil:
			return Line{}, err
		default:
			first.line, first.given = line, false
			heap.Fix(&m.heads, 0)
		}
	}
	if len(m.heads) == 0 {
		return Line{}, io.EOF
	}
	m.heads[0].given = true
	return m.heads[0].line, nil
}
