package conf

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beevik/etree"
	"github.com/google/go-cmp/cmp"
)

// schema looks up what the XSDs declare by name.
type schema struct{ types, elements map[string]*etree.Element }

func readSchema(t *testing.T) schema {
	t.Helper()
	s := schema{map[string]*etree.Element{}, map[string]*etree.Element{}}
	for _, text := range []string{ContextXSD, ServicesXSD} {
		doc := etree.NewDocument()
		if err := doc.ReadFromString(text); err != nil {
			t.Fatal(err)
		}
		for _, e := range doc.Root().ChildElements() {
			switch e.Tag {
			case "element":
				s.elements[e.SelectAttrValue("name", "")] = e
			case "complexType", "simpleType":
				s.types[e.SelectAttrValue("name", "")] = e
			}
		}
	}
	return s
}

// content is the type of an element or an attribute, wherever it is written.
func (s schema) content(e *etree.Element) *etree.Element {
	if inline := e.ChildElements(); len(inline) > 0 {
		return inline[0]
	}
	return s.types[e.SelectAttrValue("type", "")]
}

// The parser's table and the XSD must name the same elements and attributes, in
// the same places, with the same words.
func TestTheXSDSaysWhatTheTableSays(t *testing.T) {
	s := readSchema(t)
	s.compare(t, s.elements["Context"], contextTable, "Context")
	s.compare(t, s.elements["MetaServiceConf"], metaTable, "MetaServiceConf")
}

func (s schema) compare(t *testing.T, x *etree.Element, e *element, path string) {
	t.Helper()
	typ := s.content(x)
	elements, attributes := map[string]*etree.Element{}, map[string]*etree.Element{}
	if typ != nil {
		if e.open {
			if typ.FindElement(".//any") == nil {
				t.Errorf("%s may hold anything, but not by the XSD", path)
			}
			return
		}
		for _, group := range typ.ChildElements() {
			for _, c := range group.ChildElements() {
				if c.Tag == "element" {
					elements[c.SelectAttrValue("name", "")] = c
				}
			}
			if group.Tag == "attribute" {
				attributes[group.SelectAttrValue("name", "")] = group
			}
		}
	}
	same := func(what string, table []string, xsd map[string]*etree.Element) {
		var declared []string
		for name := range xsd {
			declared = append(declared, name)
		}
		slices.Sort(declared)
		table = slices.Sorted(slices.Values(table))
		if len(table)+len(declared) > 0 && !slices.Equal(table, declared) {
			t.Errorf("%s of %s: -table +xsd\n%s", what, path, cmp.Diff(table, declared))
		}
	}
	same("elements", e.childNames(), elements)
	same("attributes", e.attrNames(), attributes)
	for _, a := range e.attrs {
		x := attributes[a.name]
		if x == nil {
			continue
		}
		if required := x.SelectAttrValue("use", "") == "required"; required != a.required {
			t.Errorf("%s/@%s: required is %v in the table, %v in the XSD", path, a.name, a.required, required)
		}
		if len(a.words) == 0 {
			continue
		}
		var words []string
		if typ := s.content(x); typ != nil {
			for _, w := range typ.FindElements(".//enumeration") {
				words = append(words, w.SelectAttrValue("value", ""))
			}
		}
		if !slices.Equal(words, a.words) {
			t.Errorf("%s/@%s: -table +xsd\n%s", path, a.name, cmp.Diff(a.words, words))
		}
	}
	for _, c := range e.children {
		if x := elements[c.name]; x != nil {
			s.compare(t, x, c, path+"/"+c.name)
		}
	}
}

// samples are the Context and MetaServiceConf files that must be valid, ours
// and those that tests hold to be good.
func samples(t *testing.T) (contexts, services []string) {
	t.Helper()
	for _, pattern := range []string{"*.xml", "testdata/good/*.xml", "testdata/merge/*.xml", "testdata/merge/created.want"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.Contains(readFile(t, file), "<MetaServiceConf") {
				services = append(services, file)
			} else {
				contexts = append(contexts, file)
			}
		}
	}
	if len(contexts) == 0 || len(services) == 0 {
		t.Fatal("there are no samples")
	}
	return contexts, services
}

func TestSamplesAreValidForXmllint(t *testing.T) {
	xmllint := tool(t, "xmllint")
	contexts, services := samples(t)
	contexts = slices.DeleteFunc(contexts, func(file string) bool {
		return file == "testdata/merge/mine.xml" // it has an element of its owner's
	})
	for xsd, files := range map[string][]string{"context.xsd": contexts, "services.xsd": services} {
		out, err := exec.Command(xmllint, append([]string{"--nonet", "--noout", "--schema", xsd}, files...)...).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", xsd, err, out)
		}
	}
}

func TestSamplesLoadWithoutAWarning(t *testing.T) {
	contexts, services := samples(t)
	for _, file := range contexts {
		c, err := Load(file)
		if err != nil {
			t.Error(err)
		} else if len(c.Warnings) > 0 && file != "testdata/merge/mine.xml" {
			t.Errorf("warnings: %v", ErrorList(c.Warnings))
		}
	}
	for _, file := range services {
		m, err := LoadMeta(file)
		if err != nil {
			t.Error(err)
		} else if len(m.Warnings) > 0 {
			t.Errorf("warnings: %v", ErrorList(m.Warnings))
		}
	}
}

// What our parser refuses within one element, the XSD refuses as well.
func TestXmllintRefusesFaultsOfOneElement(t *testing.T) {
	xmllint := tool(t, "xmllint")
	for _, fault := range []string{
		"attributes-missing", "service-type-unknown", "instance-leads-out", "id-with-comma", "two-tasks-one-id",
		"unknown-names-inside-ours", "values-wrong", "text-in-ours", "bad-endpoints", "service-name-and-state-missing",
	} {
		cmd := exec.Command(xmllint, "--nonet", "--noout", "--schema", "context.xsd", "testdata/faults/"+fault+".xml")
		if out, err := cmd.CombinedOutput(); err == nil {
			t.Errorf("%s: valid: %s", fault, out)
		}
	}
}
