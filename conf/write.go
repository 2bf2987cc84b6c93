package conf

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/beevik/etree"
)

// NewContext is the head of a Context file to be created: subscribers connect
// to tcp://ServerIP:SubPort, publishers to tcp://ServerIP:PubPort, and the
// forwarder binds both ports.
type NewContext struct {
	ContextID, ServerIP, SubPort, PubPort, LogName string
}

// NewTask is a task service to be added to a Context file.
type NewTask struct {
	ID          string
	Topic       string // "" is "process"
	Instance    string
	ServiceType string // "" is "Process"

	Description, ServiceName, DeviceAction string

	Location    string // "" writes none
	EntryAction string // the state's type; "" is "on_start"
	Command     string // POSIX-quoted; "" writes none
	Process     string // XML of a whole <Process>, "" for none; Command goes into it
	States      [4]NewState
}

// NewState is one transition of a new task. Action and Call are both set or
// both empty; the zero value is left out in favour of a trigger not named.
type NewState struct {
	Trigger, Action, Call string
}

// MergeResult says what Merge did.
type MergeResult struct {
	Created bool     // there was no such file
	Added   []string // task ids
	Kept    []string // task ids that the file had, by id or by instance, and that it keeps as they were

	// Notes says where the file's own head differs from the one given: it is
	// left as it is.
	Notes []string

	// Problems is what Load would say of the file now; nil is "nothing". A call
	// of a task that is only going to be added is no reason not to write.
	Problems error
}

// Merge adds tasks to the Context file at path, or creates it. A task whose id
// or instance exists is left as it is. Comments, order, line ends, mode and
// owner stay; the file is replaced at once or not at all, and not touched when
// there is nothing to add. All mistakes in c and tasks are returned together,
// before anything is written.
func Merge(path string, c NewContext, tasks []NewTask) (MergeResult, error) {
	var result MergeResult
	tasks, err := checkNew(c, tasks)
	if err != nil {
		return result, err
	}
	// A link is followed, so that it stays one and its target is replaced.
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	unlock, err := lockFolder(filepath.Dir(path))
	if err != nil {
		return result, fmt.Errorf("write context file: %w", err)
	}
	defer unlock()

	src, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		result.Created = true
		src, err = newFile(c)
	}
	if err != nil {
		return result, fmt.Errorf("read context file: %w", err)
	}
	d, err := openDocument(path, src)
	if err != nil {
		return result, err
	}
	if !result.Created {
		result.Notes = d.differences(c)
	}
	for _, t := range tasks {
		if d.has(t) {
			result.Kept = append(result.Kept, t.ID)
			continue
		}
		if err := d.add(t); err != nil {
			return result, err
		}
		result.Added = append(result.Added, t.ID)
	}
	changed := len(result.Added) > 0 || result.Created
	if changed {
		if src, err = d.bytes(); err != nil {
			return result, fmt.Errorf("write context file: %w", err)
		}
	}
	_, result.Problems = check(path, bytes.NewReader(src), DefaultBounds())
	if !changed {
		return result, nil
	}
	if err := replaceFile(path, src); err != nil {
		return result, fmt.Errorf("write context file: %w", err)
	}
	return result, nil
}

// emptyContext is laid out as create_service of the original did.
const emptyContext = `<?xml version="1.0" encoding="UTF-8"?>
<Context>
  <FrontEndEndpoint></FrontEndEndpoint> <!-- subscribers connect here -->
  <BackendEndpoint></BackendEndpoint> <!-- publishers connect here -->
  <FrontBind></FrontBind>
  <BackendBind></BackendBind>
  <ContextID></ContextID>
  <TaskLogName></TaskLogName>
</Context>
`

// head is the text of the elements of a new file.
func (c NewContext) head() [][2]string {
	host := c.ServerIP
	if strings.Contains(host, ":") {
		host = "[" + strings.Trim(host, "[]") + "]"
	}
	return [][2]string{
		{"FrontEndEndpoint", "tcp://" + host + ":" + c.SubPort},
		{"BackendEndpoint", "tcp://" + host + ":" + c.PubPort},
		{"FrontBind", "tcp://*:" + c.PubPort},
		{"BackendBind", "tcp://*:" + c.SubPort},
		{"ContextID", c.ContextID},
		{"TaskLogName", c.LogName},
	}
}

func newFile(c NewContext) ([]byte, error) {
	doc := etree.NewDocument()
	if err := doc.ReadFromString(emptyContext); err != nil {
		return nil, err
	}
	for _, h := range c.head() {
		doc.Root().SelectElement(h[0]).SetText(h[1])
	}
	doc.WriteSettings.CanonicalText = true
	return doc.WriteToBytes()
}

// document is a Context file that is being added to.
type document struct {
	path   string
	doc    *etree.Document
	crlf   bool
	indent string // of the root's children, and of one level
}

func openDocument(path string, src []byte) (*document, error) {
	// Our own parser goes first: it refuses what must not be read, with a place.
	text, err := readBounded(path, bytes.NewReader(src), DefaultBounds())
	if err != nil {
		return nil, err
	}
	if _, err := rootOf(path, text, "Context", DefaultBounds()); err != nil {
		return nil, err
	}
	d := &document{path: path, doc: etree.NewDocument(), crlf: bytes.Contains(text, []byte("\r\n"))}
	d.doc.ReadSettings.PreserveCData = true
	// Escape no more than must be, and close empty elements as the file does.
	d.doc.WriteSettings = etree.WriteSettings{
		CanonicalText: true, CanonicalAttrVal: true, CanonicalEndTags: !bytes.Contains(text, []byte("/>")),
	}
	if err := d.doc.ReadFromBytes(text); err != nil {
		return nil, fmt.Errorf("read context file %s: %w", path, err)
	}
	d.indent = indentOf(d.doc.Root())
	return d, nil
}

// indentOf is the white space before the first child of root.
func indentOf(root *etree.Element) string {
	for _, t := range root.Child {
		text, ok := t.(*etree.CharData)
		if !ok {
			break
		}
		if i := strings.LastIndexByte(text.Data, '\n'); i >= 0 {
			return text.Data[i+1:]
		}
	}
	return "  "
}

// differences lists where the head of the file is not the one given.
func (d *document) differences(c NewContext) []string {
	var notes []string
	for _, h := range c.head() {
		if e := d.doc.Root().SelectElement(h[0]); e != nil && strings.TrimSpace(e.Text()) != h[1] {
			notes = append(notes, fmt.Sprintf("%s stays %s, not %s", h[0], strings.TrimSpace(e.Text()), h[1]))
		}
	}
	return notes
}

func (d *document) has(t NewTask) bool {
	for _, e := range d.doc.Root().SelectElements("TaskService") {
		if e.SelectAttrValue("id", "") == t.ID || e.SelectAttrValue("instance", "") == t.Instance {
			return true
		}
	}
	return false
}

// add puts t behind the last task service, or behind all else.
func (d *document) add(t NewTask) error {
	e, err := t.element()
	if err != nil {
		return err
	}
	layOut(e, d.indent, d.indent)
	root := d.doc.Root()
	at := 0
	for i, c := range root.Child {
		if known, ok := c.(*etree.Element); ok && (known.Tag == "TaskService" || root.SelectElement("TaskService") == nil) {
			at = i + 1
		}
	}
	root.InsertChildAt(at, e)
	root.InsertChildAt(at, etree.NewText("\n\n"+d.indent))
	if at+2 == len(root.Child) {
		root.AddChild(etree.NewText("\n"))
	}
	return nil
}

// notUTF8 finds a declared encoding that the written file will not have.
var notUTF8 = regexp.MustCompile(`(encoding\s*=\s*["'])[^"']*`)

func (d *document) bytes() ([]byte, error) {
	for _, t := range d.doc.Child {
		p, ok := t.(*etree.ProcInst)
		if ok && p.Target == "xml" && !strings.Contains(strings.ToLower(p.Inst), "utf") {
			p.Inst = notUTF8.ReplaceAllString(p.Inst, "${1}UTF-8")
		}
	}
	text, err := d.doc.WriteToBytes()
	if err == nil && d.crlf {
		text = bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
	}
	return text, err
}
