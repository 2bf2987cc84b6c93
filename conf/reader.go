package conf

import (
	"fmt"
	"slices"
	"strings"
)

// reader turns nodes into typed values and notes every mistake on the way; it
// never stops at the first.
type reader struct {
	errs, warnings ErrorList
	task           string // id of the task service being read
	message        bool   // a message may leave out what a file must say
	warned         map[string]bool
}

// maxMistakes is where a list ends. All mistakes at once is for people; a file
// made to be wrong a million times must not cost a million messages.
const maxMistakes = 1000

// full reports whether nothing more would be noted, so that a caller need not
// look for it.
func (r *reader) full() bool { return len(r.errs) >= maxMistakes }

func (r *reader) fail(pos Pos, format string, args ...any) {
	r.errs = r.note(r.errs, pos, format, args)
}

func (r *reader) warn(pos Pos, format string, args ...any) {
	r.warnings = r.note(r.warnings, pos, format, args)
}

func (r *reader) note(list ErrorList, pos Pos, format string, args []any) ErrorList {
	if len(list) >= maxMistakes {
		return list
	}
	return append(list, &Error{Pos: pos, Task: clip(r.task), Msg: clip(fmt.Sprintf(format, args...))})
}

// maxMessage bounds what a mistake quotes of its file.
const maxMessage = 500

func clip(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	return strings.ToValidUTF8(s[:maxMessage], "") + "…"
}

// warnOnce warns of an unknown name at its first place only: a file of 5,000
// task services with the same extra element deserves one line.
func (r *reader) warnOnce(pos Pos, what, name, parent string, known []string) {
	key := what + " " + name + " in " + parent
	if r.warned[key] || len(r.warnings) >= maxMistakes {
		return
	}
	if r.warned == nil {
		r.warned = map[string]bool{}
	}
	r.warned[key] = true
	r.warn(pos, "unknown %s %q in <%s> is kept and passed on%s", what, name, parent, guess(name, known))
}

// check compares n with the table: unknown names, names twice, missing ones,
// words that are not allowed. It notes on each node what the table says of it.
func (r *reader) check(n *node, e *element) {
	n.spec = e
	if e.open || r.full() {
		return
	}
	r.checkAttrs(n, e)
	if e.ours && n.text != "" && len(e.attrs)+len(e.children) > 0 {
		r.fail(n.pos, "<%s> holds the text %q, which means nothing here%s", e.name, n.text, listed("; its attributes are ", e.attrNames()))
	}
	seen := make(map[string]Pos, len(n.nodes))
	for _, c := range n.nodes {
		if r.full() {
			return
		}
		known := e.child(c.name)
		before, twice := seen[c.name]
		switch {
		case known == nil && e.ours:
			r.fail(c.pos, "unknown element %q in <%s>%s", c.name, e.name, hint(c.name, e.childNames()))
			continue
		case known == nil:
			r.warnOnce(c.pos, "element", c.name, e.name, e.childNames())
			continue
		case twice && !known.many:
			r.fail(c.pos, "<%s> stands twice in <%s>; the first is at %s", c.name, e.name, before.line())
			continue
		}
		seen[c.name] = c.pos
		if r.message && e == taskServiceTable && known.ours {
			c.spec = known // checked by itself, see apart
			continue
		}
		r.inTask(c, known, func() { r.check(c, known) })
	}
	for _, c := range e.children {
		if _, ok := seen[c.name]; !ok && c.required && !r.message {
			r.fail(n.pos, "<%s> lacks the element <%s>", e.name, c.name)
		}
		if c.required && len(c.children) == 0 && !r.message && seen[c.name].IsValid() && n.child(c.name).content() == "" {
			r.fail(seen[c.name], "<%s> is empty", c.name)
		}
	}
}

// inTask runs f with mistakes marked by the id of the task service n is, if it
// is one.
func (r *reader) inTask(n *node, e *element, f func()) {
	before := r.task
	switch e {
	case taskServiceTable:
		id, _ := n.attr("id")
		r.task = id.value
	case metaTable.child("Service"):
		r.task = n.child("task_id").content()
	}
	f()
	r.task = before
}

func (r *reader) checkAttrs(n *node, e *element) {
	for _, a := range n.attrs {
		known := e.attr(a.name)
		switch {
		case known == nil && e.ours:
			r.fail(a.pos, "unknown attribute %q in <%s>%s", a.name, e.name, hint(a.name, e.attrNames()))
		case known == nil:
			r.warnOnce(a.pos, "attribute", a.name, e.name, e.attrNames())
		case a.value == "" && known.required:
			r.fail(a.pos, "%s is empty", a.name)
		case a.value != "" && len(known.words) > 0 && !slices.Contains(known.words, a.value):
			r.fail(a.pos, "%s %q is none of %s%s", a.name, a.value, strings.Join(known.words, ", "), guess(a.value, known.words))
		}
	}
	for _, a := range e.attrs {
		if _, ok := n.attr(a.name); !ok && a.required && (e.ours || !r.message) {
			r.fail(n.pos, "<%s> lacks the attribute %q", e.name, a.name)
		}
	}
}

// read parses an attribute into a value. An absent or an empty one leaves the
// default that is there.
func read[T any](r *reader, n *node, name string, into *T, parse func(string) (T, error)) {
	a, ok := n.attr(name)
	if !ok || a.value == "" {
		return
	}
	v, err := parse(a.value)
	if err != nil {
		r.fail(a.pos, "%s %q %v", name, a.value, err)
		return
	}
	*into = v
}

// readLeaf is read for an element without children.
func readLeaf[T any](r *reader, n *node, into *T, parse func(string) (T, error)) {
	if n == nil {
		return
	}
	v, err := parse(n.text)
	if err != nil {
		r.fail(n.pos, "%s %q %v", n.name, n.text, err)
		return
	}
	*into = v
}

func asText(s string) (string, error) { return s, nil }

// asBool relies on check having refused other words than true and false.
func asBool(s string) (bool, error) { return s == "true", nil }

// given lists which of the named attributes are set.
func given(n *node, names ...string) []string {
	var set []string
	for _, name := range names {
		if a, ok := n.attr(name); ok && a.value != "" {
			set = append(set, name)
		}
	}
	return set
}

// exactlyOne fails unless one of the named attributes is set.
func (r *reader) exactlyOne(n *node, names ...string) {
	switch set := given(n, names...); {
	case len(set) == 0:
		r.fail(n.pos, "<%s> says none of %s; one is needed", n.name, strings.Join(names, ", "))
	case len(set) > 1:
		r.fail(n.pos, "<%s> says %s at once; one of them is allowed", n.name, strings.Join(set, " and "))
	}
}
