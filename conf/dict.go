package conf

// The dictionary is what the original's ParseXml2Dict makes of a file, and what
// travels in its messages. Its rules, odd ones included, are the wire format:
//
//   - an element with children is an object, a leaf its stripped text;
//   - a repeated tag becomes a list, a single one stays as it is;
//   - the attributes of an element become keys of its object, over a child of
//     the same name;
//   - a leaf has no object, so that its attributes go into its parent's, over
//     what is there already; of a repeated leaf only the first one's do;
//   - text beside children is lost.

// original converts n by these rules alone.
func original(n *node) any { return convert(n, true) }

// dictionary converts n by these rules, but leaves an element whole that the
// table gives attributes: they stay in its own object. By the letter several
// <env name="" value=""/> would melt into one, and <state type="on_start"/>
// would lose its type to Task, where the original's own programs do not look.
func dictionary(n *node) any { return convert(n, false) }

// whole reports whether the table knows attributes of n.
func (n *node) whole() bool { return n.spec != nil && len(n.spec.attrs) > 0 }

func convert(n *node, letter bool) any {
	if len(n.nodes) == 0 && (letter || !n.whole() || len(n.attrs) == 0) {
		// The leaf's text and its attributes go into one object, so that an
		// attribute of the leaf's own name replaces the text.
		if a, ok := n.attr(n.name); ok {
			return a.value
		}
		return n.text
	}
	object := make(map[string]any, len(n.nodes)+len(n.attrs))
	for _, c := range n.nodes {
		value := convert(c, letter)
		if before, again := object[c.name]; again {
			list, ok := before.([]any)
			if !ok {
				list = []any{before}
			}
			object[c.name] = append(list, value)
			continue
		}
		object[c.name] = value
		if len(c.nodes) > 0 || !letter && c.whole() {
			continue
		}
		for _, a := range c.attrs {
			object[a.name] = a.value
		}
	}
	for _, a := range n.attrs {
		object[a.name] = a.value
	}
	return object
}

// object converts n, which is wanted as an object even when it is empty.
func object(n *node) map[string]any {
	if o, ok := dictionary(n).(map[string]any); ok {
		return o
	}
	o := map[string]any{}
	for _, a := range n.attrs {
		o[a.name] = a.value
	}
	return o
}

// clone copies a JSON value deeply: what is handed out belongs to its receiver.
func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return cloneObject(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = clone(v[i])
		}
		return list
	}
	return v
}

// cloneObject returns a map even for nil, so that its receiver can write to it.
func cloneObject(o map[string]any) map[string]any {
	c := make(map[string]any, len(o))
	for k, v := range o {
		c[k] = clone(v)
	}
	return c
}
