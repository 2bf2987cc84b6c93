package forwarder

import (
	"bytes"
	"cmp"
	"slices"
	"sync"
	"time"
)

// Bounds of what is counted by topic.
const (
	// maxTopic is how much of a topic is its name here, in bytes.
	maxTopic = 64
	// maxTopics is how many topics of one publisher are counted apart, and
	// maxAllTopics of all of them together. Those of Options.Metered come on top.
	maxTopics    = 64
	maxAllTopics = 16 << 10
)

// Rates are of the last second, in tenths that are over.
const (
	tenth  = int64(100 * time.Millisecond)
	tenths = 10
)

// meter counts what one publisher sends, by topic. Its goroutine counts without a
// lock and settles once a read, so that a message of the same topic as the one before
// costs one comparison and two additions.
type meter struct {
	f *Forwarder

	// Owned by who counts.
	last    *tally
	prefix  []byte // how the frames of last begin, up to its separator; empty: that tells nothing
	lately  [4]lately
	oldest  int      // of lately, to be replaced next
	run     Flow     // of last, in a row
	touched []*tally // those with a turn

	mu     sync.Mutex        // guards the two below and the tallies but for their turn; owners read the maps without
	topics map[string]*tally // made with the first message
	other  *tally            // all beyond the bounds, nil: there was none
	named  int               // how many of topics count against the bounds
}

// tally is what came of one topic.
type tally struct {
	name string
	turn Flow // since settle

	all    Flow
	last   int64              // when the last one came, since Forwarder.began
	recent [tenths + 1]recent // by number of the tenth, modulo
}

// recent is what came in one tenth.
type recent struct {
	number int64
	Flow
}

// count takes one message; frame is the beginning of its first frame, alone says
// that it has no other.
func (m *meter) count(frame []byte, alone bool, size int64) {
	if len(m.prefix) == 0 || !bytes.HasPrefix(frame, m.prefix) {
		m.turn(frame, alone)
	}
	m.run.Messages++
	m.run.Bytes += uint64(size)
}

// turn goes over to the topic of a frame, and keeps what the next one is compared with.
func (m *meter) turn(frame []byte, alone bool) {
	m.rest()
	for i := range m.lately {
		if l := &m.lately[i]; len(l.prefix) > 0 && bytes.HasPrefix(frame, l.prefix) {
			m.last, m.prefix = l.tally, l.prefix
			return
		}
	}
	name, end := topicOf(frame, alone)
	if m.last = m.topics[string(name)]; m.last == nil {
		m.last = m.enter(string(name))
	}
	if m.prefix = nil; end == 0 {
		return
	}
	l := &m.lately[m.oldest]
	m.oldest = (m.oldest + 1) % len(m.lately)
	l.tally, l.prefix = m.last, append(l.prefix[:0], frame[:end]...)
	m.prefix = l.prefix
}

// lately is one of the topics that came last: who has a few sends them in turn.
type lately struct {
	tally  *tally
	prefix []byte
}

// rest ends a run.
func (m *meter) rest() {
	if m.run.Messages == 0 {
		return
	}
	if m.last.turn.Messages == 0 {
		m.touched = append(m.touched, m.last)
	}
	m.last.turn.add(m.run)
	m.run = Flow{}
}

// topicOf gives the name under which a message is counted: what comes before its
// separator, trimmed; without one the first frame of several, or the first word of
// the only one. end is where the separator ends, 0 if there is none.
func topicOf(frame []byte, alone bool) (name []byte, end int) {
	beginning := frame[:min(len(frame), maxTopic+len(separator)+1)]
	if i := bytes.Index(beginning, []byte(separator)); i >= 0 {
		name, end = bytes.TrimSpace(frame[:i]), i+len(separator)
	} else if name = frame; alone {
		if i := bytes.IndexByte(beginning, ' '); i >= 0 {
			name = frame[:i]
		}
	}
	return name[:min(len(name), maxTopic)], end
}

// enter makes the tally of a topic that is new, within the bounds.
func (m *meter) enter(name string) *tally {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.f.metered[name] {
		if m.named >= maxTopics || m.f.tallies.Load() >= maxAllTopics {
			if m.other == nil {
				m.other = &tally{}
			}
			return m.other
		}
		m.named++
		m.f.tallies.Add(1)
	}
	if m.topics == nil {
		m.topics = map[string]*tally{}
	}
	t := &tally{name: name}
	m.topics[name] = t
	return t
}

// settle shows what was counted to others.
func (m *meter) settle() {
	if m.rest(); len(m.touched) == 0 {
		return
	}
	now := int64(time.Since(m.f.began))
	m.mu.Lock()
	for i, t := range m.touched {
		r := &t.recent[now/tenth%int64(len(t.recent))]
		if r.number != now/tenth {
			*r = recent{number: now / tenth}
		}
		r.add(t.turn)
		t.all.add(t.turn)
		t.turn, t.last = Flow{}, now
		m.touched[i] = nil
	}
	m.mu.Unlock()
	m.touched = m.touched[:0]
}

// forget gives its share of the bounds back.
func (m *meter) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.f.tallies.Add(-int64(m.named))
	m.named, m.topics, m.other, m.last, m.prefix, m.lately = 0, nil, nil, nil, nil, [4]lately{}
}

// TopicStats is what one publisher sent of one topic. Topic is the text before the
// separator "@@@", trimmed; of a message without one its first frame if it has
// several, else its first word; 64 bytes of it at most. Other says that it is all
// topics beyond those that are counted apart.
type TopicStats struct {
	Topic string
	Other bool
	Flow
	// Rate and ByteRate are of the last second, which is some tenths of a second ago.
	Rate, ByteRate float64
	Last           time.Time
}

// stats gives all topics, by name.
func (m *meter) stats() []TopicStats {
	now := int64(time.Since(m.f.began))
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []TopicStats
	for _, t := range m.topics {
		all = append(all, m.f.topicStats(t, now))
	}
	slices.SortFunc(all, func(a, b TopicStats) int { return cmp.Compare(a.Topic, b.Topic) })
	if m.other != nil {
		o := m.f.topicStats(m.other, now)
		o.Other = true
		all = append(all, o)
	}
	return all
}

// topicStats reads a tally, whose meter's lock is held.
func (f *Forwarder) topicStats(t *tally, now int64) TopicStats {
	var second Flow
	for _, r := range t.recent {
		// Not the tenth that is under way: it would make every rate seem to fall.
		if at := now / tenth; r.number < at && r.number >= at-tenths {
			second.add(r.Flow)
		}
	}
	return TopicStats{
		Topic: t.name, Flow: t.all, Last: f.began.Add(time.Duration(t.last)),
		Rate: float64(second.Messages), ByteRate: float64(second.Bytes),
	}
}

// own is a meter that many goroutines count with.
type own struct {
	one sync.Mutex // held over one message, or the losses of one batch
	meter
}

func (o *own) count(frame []byte, alone bool, size int64) {
	o.one.Lock()
	defer o.one.Unlock()
	o.meter.count(frame, alone, size)
	o.settle()
}
