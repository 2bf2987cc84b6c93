package command

import (
	"fmt"
	"slices"
	"strings"

	"zmicroservices/conf"
	"zmicroservices/taskservice/keys"
	"zmicroservices/taskservice/lifecycle"
	"zmicroservices/taskservice/message"
)

// permitted is the rule for peers that have proved a key: what its role says, from
// wherever they come.
func (h *Handler) permitted(p Peer, topic string, frame []byte) error {
	switch p.Role {
	case keys.Operate.String():
		return nil
	case keys.Serve.String():
	default:
		return fmt.Errorf("%s has the role %s and is heard on no topic: it may subscribe", p.Name, keys.Observe)
	}
	if IsCommanding(topic) {
		return fmt.Errorf("%s has the role %s and may not speak on %s: only the role %s is heard on context, process and state",
			p.Name, keys.Serve, topic, keys.Operate)
	}
	_, payload, err := message.Split(frame)
	if err != nil {
		return err
	}
	o, err := message.Decode(payload)
	if err != nil {
		return fmt.Errorf("whom it is about cannot be read: %w", err)
	}
	if topic == message.TopicControl {
		header, _ := o["header"].(map[string]any)
		return h.ownWord(p, text(header, "service_id"))
	}
	if err := h.ownName(p, topic, o); err != nil || !strings.HasPrefix(topic, lifecycle.Prefix) {
		return err
	}
	// An event may be the data of another message, where the names are its own.
	if e, err := lifecycle.NewFromJSON(payload); err == nil {
		return h.ownName(p, topic, map[string]any{"identity": e.Identity(), "component": e.Component()})
	}
	return nil
}

// ownWord refuses a report about somebody else's task service.
func (h *Handler) ownWord(p Peer, id string) error {
	if h.speaksFor(p, id) {
		return nil
	}
	return fmt.Errorf("%s may not report about task service %q: its key is for %q", p.Name, id, p.Services)
}

// namesOf are the keys whose values say whom a message is about.
var namesOf = []string{"service_id", "identity", "config_id", "component", "name", "gid"}

// ownName refuses what is said in the name of somebody else. Events and agents do
// not carry the id of a task service in one place of their own, so none of the
// names that they do carry may be another's; and an event needs one of ours. Readers in
// Go take a key for its name however its letters are written, and so does this.
func (h *Handler) ownName(p Peer, topic string, o map[string]any) error {
	own := false
	for spelling := range o {
		i := slices.IndexFunc(namesOf, func(one string) bool { return strings.EqualFold(one, spelling) })
		if i < 0 {
			continue
		}
		key, name := namesOf[i], text(o, spelling)
		if key == "identity" || key == "config_id" {
			name = h.taskOf(name)
		}
		switch {
		case name == "":
		case h.speaksFor(p, name):
			own = true
		case key == "service_id", h.isTask(name):
			return fmt.Errorf("%s may not speak as %s %q: its key is for %q", p.Name, key, name, p.Services)
		}
	}
	if strings.HasPrefix(topic, lifecycle.Prefix) && !own {
		return fmt.Errorf("%s may not speak of identity %q, component %q: its key is for %q",
			p.Name, text(o, "identity"), text(o, "component"), p.Services)
	}
	return nil
}

// taskOf is the task service that an identity (host/context/task) or a configuration
// (context/task) of ours is about, whose transaction may have a number (task#2); another
// name is as it was.
func (h *Handler) taskOf(name string) string {
	_, id, ours := strings.Cut("/"+name, "/"+h.opts.Own.ContextID+"/")
	if !ours {
		return name
	}
	id, _, _ = strings.Cut(id, "#")
	return id
}

// isTask says that an id is that of a task service of this context, or of one of
// its replicas.
func (h *Handler) isTask(id string) bool {
	if base, _, ok := conf.SplitReplica(id); ok && h.opts.Own.Task(base) != nil {
		return true
	}
	return h.opts.Own.Task(id) != nil
}

// speaksFor says that a key is for the task service of that id. That of a task
// service is for its replicas, too.
func (h *Handler) speaksFor(p Peer, id string) bool {
	if id == "" || slices.Contains(p.Services, id) {
		return id != ""
	}
	base, _, ok := conf.SplitReplica(id)
	return ok && h.opts.Own.Task(id) == nil && slices.Contains(p.Services, base)
}

// IsCommanding says that messages of a topic move task services.
func IsCommanding(topic string) bool {
	return topic == message.TopicContext || topic == message.TopicProcess || topic == message.TopicState
}

func text(o map[string]any, key string) string {
	s, _ := o[key].(string)
	return s
}
