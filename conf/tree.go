package conf

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// node is one element with its place. It is made from a file by parseTree or
// from a message by messageTree, and from there on the two are read alike.
type node struct {
	name  string
	pos   Pos
	attrs []attr
	nodes []*node
	text  string   // stripped; of an element with children it means nothing
	spec  *element // what the table says of it; nil when it is unknown there
	value any      // in a message: the JSON it was made from

	start, end int64 // in a file: its first byte, and the one behind its last
}

type attr struct {
	name, value string
	pos         Pos
}

// child returns the first child of that name. Absent nodes are nil, and all
// methods of a nil node find nothing, so that a path may be walked in one line.
func (n *node) child(name string) *node {
	if n == nil {
		return nil
	}
	for _, c := range n.nodes {
		if c.name == name {
			return c
		}
	}
	return nil
}

func (n *node) children(name string) []*node {
	if n == nil {
		return nil
	}
	var all []*node
	for _, c := range n.nodes {
		if c.name == name {
			all = append(all, c)
		}
	}
	return all
}

func (n *node) attr(name string) (attr, bool) {
	if n == nil {
		return attr{}, false
	}
	for _, a := range n.attrs {
		if a.name == name {
			return a, true
		}
	}
	return attr{}, false
}

// content is the stripped text of a leaf, "" when n is absent.
func (n *node) content() string {
	if n == nil {
		return ""
	}
	return n.text
}

// parseTree reads one XML document in UTF-8. It walks raw tokens and matches the tags
// itself: encoding/xml would report a stray closing tag without a column and
// without saying which element it should have closed.
func parseTree(file string, src []byte, bounds Bounds) (*node, error) {
	p := &treeParser{file: file, src: src, bounds: bounds, dec: xml.NewDecoder(bytes.NewReader(src))}
	p.dec.CharsetReader = sameReader
	if e := p.run(); e != nil {
		p.errs = append(p.errs, e)
	}
	if len(p.errs) > 0 {
		return nil, p.errs
	}
	return p.root, nil
}

const maxAttrs = 256

type treeParser struct {
	file   string
	src    []byte
	bounds Bounds
	dec    *xml.Decoder
	root   *node
	open   []*node
	texts  [][]byte  // of each open element
	errs   ErrorList // stray closing tags, behind which reading can go on
}

func (p *treeParser) run() *Error {
	for {
		line, column := p.dec.InputPos()
		pos := Pos{p.file, line, column}
		start := p.dec.InputOffset()
		token, err := p.dec.RawToken()
		if err != nil {
			return p.end(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := p.start(t, pos, start); err != nil {
				return err
			}
		case xml.EndElement:
			if err := p.close(fullName(t.Name), pos); err != nil {
				return err
			}
		case xml.CharData:
			if len(p.open) > 0 {
				last := len(p.texts) - 1
				p.texts[last] = append(p.texts[last], t...)
			} else if e := p.outside(t, start); e != nil {
				return e
			}
		case xml.Directive:
			// A document type can define entities that expand to gigabytes
			// ("billion laughs") or read files. Nothing of ours needs one.
			return &Error{Pos: pos, Msg: "a document type (<!DOCTYPE>) and entities of its own are refused; remove it"}
		}
	}
}

// outside judges text that no element holds: only white space may stand there.
func (p *treeParser) outside(text []byte, start int64) *Error {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	// The place is sought in the source: in the text, line ends are made alike.
	source := p.src[start:]
	pos := p.at(start + int64(len(source)-len(bytes.TrimLeft(source, " \t\r\n"))))
	if p.root == nil {
		return &Error{Pos: pos, Msg: "the file does not begin with an element; is it XML?"}
	}
	return &Error{Pos: pos, Msg: fmt.Sprintf("text behind the root element <%s>", p.root.name)}
}

// end judges why there is no further token.
func (p *treeParser) end(err error) *Error {
	pos := p.at(p.dec.InputOffset())
	var syntax *xml.SyntaxError
	switch {
	case (errors.Is(err, io.EOF) || errors.As(err, &syntax) && syntax.Msg == "unexpected EOF") && len(p.open) > 0:
		last := p.open[len(p.open)-1]
		return &Error{Pos: pos, Msg: fmt.Sprintf("the file ends, but <%s>, opened at %s, is not closed", last.name, last.pos.line())}
	case errors.Is(err, io.EOF) && p.root == nil:
		return &Error{Pos: pos, Msg: "there is no element in the file"}
	case errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &syntax):
		return &Error{Pos: pos, Msg: "not well-formed: " + syntax.Msg}
	}
	return &Error{Pos: pos, Msg: strings.TrimPrefix(err.Error(), "xml: ")}
}

// at finds the line and column of an offset. InputPos cannot be asked after an
// error: having put back a line end, the decoder is off by a line.
func (p *treeParser) at(offset int64) Pos {
	before := p.src[:offset]
	return Pos{p.file, bytes.Count(before, []byte("\n")) + 1, int(offset) - bytes.LastIndexByte(before, '\n')}
}

func (p *treeParser) start(t xml.StartElement, pos Pos, start int64) *Error {
	n := &node{name: fullName(t.Name), pos: pos, start: start}
	switch {
	case len(p.open) > 0:
		parent := p.open[len(p.open)-1]
		parent.nodes = append(parent.nodes, n)
	case p.root != nil:
		return &Error{Pos: pos, Msg: fmt.Sprintf("<%s> follows the root element <%s>; a file holds one", n.name, p.root.name)}
	default:
		p.root = n
	}
	if len(p.open) == p.bounds.Depth {
		return &Error{Pos: pos, Msg: fmt.Sprintf("<%s> is nested deeper than %d elements", n.name, p.bounds.Depth)}
	}
	// Above this many, finding one by walking the list would cost too much.
	if len(t.Attr) > maxAttrs {
		return &Error{Pos: pos, Msg: fmt.Sprintf("<%s> has more than %d attributes", n.name, maxAttrs)}
	}
	places := attrPlaces(p.src[start:p.dec.InputOffset()], pos)
	for i, a := range t.Attr {
		name := fullName(a.Name)
		// Namespaces and schema hints are for editors, not for us.
		if name == "xmlns" || a.Name.Space == "xmlns" || a.Name.Space == "xsi" {
			continue
		}
		at := pos
		if i < len(places) {
			at = places[i]
		}
		if _, twice := n.attr(name); twice {
			return &Error{Pos: at, Msg: fmt.Sprintf("attribute %q is given twice", name)}
		}
		n.attrs = append(n.attrs, attr{name, a.Value, at})
	}
	p.open = append(p.open, n)
	p.texts = append(p.texts, nil)
	return nil
}

func (p *treeParser) close(name string, pos Pos) *Error {
	if len(p.open) == 0 {
		return &Error{Pos: pos, Msg: fmt.Sprintf("</%s> closes nothing: no element is open", name)}
	}
	last := len(p.open) - 1
	n := p.open[last]
	if n.name != name {
		for _, o := range p.open[:last] {
			if o.name == name {
				return &Error{Pos: pos, Msg: fmt.Sprintf("</%s> comes while <%s>, opened at %s, is still open; close that one first", name, n.name, n.pos.line())}
			}
		}
		stray := &Error{Pos: pos, Msg: fmt.Sprintf("</%s> closes nothing: the element open here is <%s>, opened at %s; remove the tag or open <%s> before it", name, n.name, n.pos.line(), name)}
		if len(p.errs) == maxMistakes {
			return stray
		}
		p.errs = append(p.errs, stray)
		return nil
	}
	n.text = strings.TrimSpace(string(p.texts[last]))
	n.end = p.dec.InputOffset()
	p.open, p.texts = p.open[:last], p.texts[:last]
	return nil
}

// fullName keeps a prefix as it was written; nothing of ours has one.
func fullName(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}

// attrPlaces finds where each attribute of a start tag begins. The decoder has
// accepted the tag, so that names and quotes are known to pair up.
func attrPlaces(tag []byte, pos Pos) []Pos {
	if bytes.IndexByte(tag, '=') < 0 {
		return nil
	}
	var places []Pos
	at := pos
	var quote byte
	named := true // the element's own name comes first
	for _, b := range tag {
		switch {
		case quote != 0:
			if b == quote {
				quote = 0
				named = false
			}
		case b == '"' || b == '\'':
			quote = b
		case b == ' ' || b == '\t' || b == '\r' || b == '\n':
			if len(places) == 0 {
				named = false
			}
		case b == '>' || b == '/' || b == '=' || named:
		default:
			named = true
			places = append(places, at)
		}
		at.Column++
		if b == '\n' {
			at.Line++
			at.Column = 1
		}
	}
	return places
}
