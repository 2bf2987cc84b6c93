package command

import (
	"sync"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// pictures keeps the task services of context info as text. A TaskView is
// immutable, and the Views that follow share it as long as its task service does
// not change: of two thousand, only the few that changed are written anew.
type pictures struct {
	mu sync.Mutex // guards of
	of map[subject]picture
}

type subject struct {
	transaction event.TransactionID
	task        event.TaskID
}

type picture struct {
	view *event.TaskView
	text message.Verbatim
}

// take gives a task service as a value to be encoded.
func (p *pictures) take(t *event.TaskView, id event.TransactionID) any {
	key := subject{id, t.ID}
	p.mu.Lock()
	known := p.of[key]
	p.mu.Unlock()
	if known.view == t {
		return known.text
	}
	info := taskInfo(t, id)
	text, err := message.Encode(info)
	if err != nil {
		return info // whoever encodes the whole says so
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil {
		p.of = map[subject]picture{}
	}
	p.of[key] = picture{t, text}
	return message.Verbatim(text)
}

// forget lets go of task services that no View shows any more.
func (p *pictures) forget(views []*event.View) {
	shown := 0
	for _, v := range views {
		shown += len(v.Tasks)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.of) <= shown {
		return
	}
	left := make(map[subject]picture, shown)
	for _, v := range views {
		for _, t := range v.Tasks {
			key := subject{v.Transaction, t.ID}
			if known, ok := p.of[key]; ok {
				left[key] = known
			}
		}
	}
	p.of = left
}
