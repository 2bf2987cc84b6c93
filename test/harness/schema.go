package harness

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
)

// Schema is a JSON Schema of which $ref within the document, type, const, enum,
// required, properties, additionalProperties, items, oneOf and minimum are heeded. A
// keyword that is none of these and no annotation is an error of Check, so that a
// schema never means more than is checked.
type Schema struct{ root map[string]any }

// LoadSchema reads a schema from a file.
func LoadSchema(file string) (*Schema, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var s Schema
	if err := json.Unmarshal(text, &s.root); err != nil {
		return nil, fmt.Errorf("read schema %s: %w", file, err)
	}
	return &s, nil
}

// Check says what is wrong with a JSON document, with its place.
func (s *Schema) Check(document []byte) error {
	var v any
	if err := json.Unmarshal(document, &v); err != nil {
		return err
	}
	return s.check("", s.root, v)
}

var annotations = []string{"$schema", "$defs", "title", "description"}

func (s *Schema) check(at string, rule map[string]any, v any) error {
	if ref, ok := rule["$ref"].(string); ok {
		defs, _ := s.root["$defs"].(map[string]any)
		named, ok := defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		if !ok {
			return fmt.Errorf("schema has no %s", ref)
		}
		return s.check(at, named, v)
	}
	for keyword, want := range rule {
		var err error
		switch keyword {
		case "type":
			err = hasType(want, v)
		case "const":
			if v != want {
				err = fmt.Errorf("is %v, not %v", v, want)
			}
		case "enum":
			if !slices.Contains(want.([]any), v) {
				err = fmt.Errorf("is %v, none of %v", v, want)
			}
		case "minimum":
			if n, ok := v.(float64); ok && n < want.(float64) {
				err = fmt.Errorf("is %v, less than %v", n, want)
			}
		case "required":
			for _, key := range want.([]any) {
				if o, ok := v.(map[string]any); ok && !has(o, key.(string)) {
					err = fmt.Errorf("has no %v", key)
				}
			}
		case "items":
			list, _ := v.([]any)
			for i, item := range list {
				if err := s.check(fmt.Sprintf("%s[%d]", at, i), want.(map[string]any), item); err != nil {
					return err
				}
			}
		case "oneOf":
			err = s.one(at, want.([]any), v)
		case "properties", "additionalProperties":
			if o, ok := v.(map[string]any); ok {
				if err := s.members(at, rule, o); err != nil {
					return err
				}
			}
		default:
			if !slices.Contains(annotations, keyword) {
				return fmt.Errorf("schema keyword %q is not known here", keyword)
			}
		}
		if err != nil {
			return fmt.Errorf("%s %w", at, err)
		}
	}
	return nil
}

// one wants exactly one of some rules to hold.
func (s *Schema) one(at string, rules []any, v any) error {
	var wrong []string
	for _, r := range rules {
		if err := s.check(at, r.(map[string]any), v); err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	if len(rules)-len(wrong) != 1 {
		return fmt.Errorf("fits %d of %d: %s", len(rules)-len(wrong), len(rules), strings.Join(wrong, "; "))
	}
	return nil
}

func (s *Schema) members(at string, rule, o map[string]any) error {
	named, _ := rule["properties"].(map[string]any)
	for key, v := range o {
		r, known := named[key].(map[string]any)
		if !known {
			switch other := rule["additionalProperties"].(type) {
			case map[string]any:
				r = other
			case bool:
				if !other {
					return fmt.Errorf("%s.%s is not allowed", at, key)
				}
				continue
			default:
				continue
			}
		}
		if err := s.check(at+"."+key, r, v); err != nil {
			return err
		}
	}
	return nil
}

func has(o map[string]any, key string) bool {
	_, ok := o[key]
	return ok
}

func hasType(want, v any) error {
	if list, ok := want.([]any); ok {
		for _, w := range list {
			if hasType(w, v) == nil {
				return nil
			}
		}
		return fmt.Errorf("is none of %v", list)
	}
	is := map[string]bool{}
	switch n := v.(type) {
	case nil:
		is["null"] = true
	case bool:
		is["boolean"] = true
	case string:
		is["string"] = true
	case float64:
		is["number"], is["integer"] = true, n == math.Trunc(n)
	case []any:
		is["array"] = true
	case map[string]any:
		is["object"] = true
	}
	if !is[want.(string)] {
		return fmt.Errorf("is %T, not %v", v, want)
	}
	return nil
}
