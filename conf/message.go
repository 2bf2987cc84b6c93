package conf

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// FromMessage makes a Context of a context message's content.configuration, as
// decoded by a json.Decoder with UseNumber. TaskService may be a list or a
// single object, and a task may carry as little as its id: what a message
// leaves out is no mistake, because Admit takes it from the provider's file.
// The error is an ErrorList whose positions are JSON paths.
//
// What it returns shares nothing with configuration.
func FromMessage(configuration map[string]any) (*Context, error) {
	configuration = cloneObject(configuration)
	r := &reader{message: true}
	root := r.tree("Context", configuration, contextTable, "configuration")
	r.check(root, contextTable)
	c := r.context(root, DefaultBounds())
	c.Raw = configuration
	first := map[string]string{}
	for _, t := range c.Tasks {
		switch before, twice := first[t.ID]; {
		case t.ID == "":
			continue
		case twice:
			r.errs = append(r.errs, &Error{Pos: t.Pos, Task: t.ID, Msg: "the id is used twice; first at " + before})
		default:
			first[t.ID] = t.Pos.String()
		}
	}
	return c, r.errs.sorted().Err()
}

// tree makes the node that a file with the same content would have had. The
// table decides which keys are attributes; it is also how the attributes of a
// leaf find back from the parent's object, into which the original's
// conversion moves them.
func (r *reader) tree(name string, v any, e *element, path string) *node {
	n := &node{name: name, pos: Pos{File: path}, spec: e, value: v}
	if e == nil || e.open {
		return n
	}
	object, ok := v.(map[string]any)
	if !ok {
		text, ok := scalar(v)
		if !ok || len(e.children) > 0 && !e.ours && text != "" {
			r.fail(n.pos, "is %s; wanted is %s", kind(v), wanted(e))
		}
		n.text = text
		return n
	}
	if len(e.children) == 0 && len(e.attrs) == 0 && !e.ours {
		r.fail(n.pos, "is an object; wanted is text")
	}
	var strays []attr
	for _, key := range slices.Sorted(maps.Keys(object)) {
		value, at := object[key], path+"."+key
		if value == nil {
			continue
		}
		if e.attr(key) != nil {
			if text, ok := scalar(value); ok {
				n.attrs = append(n.attrs, attr{key, text, Pos{File: at}})
				continue
			}
		}
		child := e.child(key)
		if text, ok := scalar(value); ok && child == nil {
			strays = append(strays, attr{key, text, Pos{File: at}})
			continue
		}
		list, ok := value.([]any)
		if !ok {
			n.nodes = append(n.nodes, r.tree(key, value, child, at))
			continue
		}
		for i, item := range list {
			n.nodes = append(n.nodes, r.tree(key, item, child, fmt.Sprintf("%s[%d]", at, i)))
		}
	}
	n.bringHome(strays)
	return n
}

// bringHome gives each stray attribute to the one child that can have it. Without such a child, or with several, it stays where it was found.
func (n *node) bringHome(strays []attr) {
	homes := map[string][]*node{}
	for _, c := range n.nodes {
		if c.spec != nil {
			for _, a := range c.spec.attrs {
				homes[a.name] = append(homes[a.name], c)
			}
		}
	}
	for _, a := range strays {
		if able := homes[a.name]; len(able) == 1 {
			able[0].attrs = append(able[0].attrs, a)
			continue
		}
		n.nodes = append(n.nodes, &node{name: a.name, text: a.value, pos: a.pos, value: a.value})
	}
}

// scalar is the text of a JSON value that is neither object nor list.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool, float64, int:
		return fmt.Sprint(v), true
	}
	return "", false
}

// kind names the type of a JSON value for a message.
func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "text"
	case json.Number, float64, int:
		return "a number"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("a %T", v)
}

func wanted(e *element) string {
	if len(e.children) > 0 || len(e.attrs) > 0 {
		return "an object"
	}
	return "text"
}
