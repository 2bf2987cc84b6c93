package taskservice

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Decode fills a struct, or a pointer to anything that encoding/json can fill,
// from Values, by the names and `json` tags of its fields.
//
// Values come from XML, where all is text and a list of one looks like a
// single element. Decode reads them as the target wants them: "8" into an int,
// "yes" into a bool, "250ms" into a time.Duration, one element into a slice.
// An empty element leaves the field as it is.
func (c Config) Decode(into any) error {
	target := reflect.TypeOf(into)
	if target == nil || target.Kind() != reflect.Pointer {
		return fmt.Errorf("decode configuration: %T is not a pointer", into)
	}
	fitted, err := fit(c.Values, target.Elem(), "")
	if err != nil {
		return fmt.Errorf("decode configuration: %w", err)
	}
	b, err := json.Marshal(fitted)
	if err != nil {
		return fmt.Errorf("decode configuration: %w", err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("decode configuration: %w", err)
	}
	return nil
}

var (
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	duration        = reflect.TypeFor[time.Duration]()
)

// fit turns a value into what encoding/json accepts for a type. Its nil leaves
// the target as it is.
func fit(v any, t reflect.Type, path string) (any, error) {
	if p := reflect.PointerTo(t); p.Implements(unmarshaler) || p.Implements(textUnmarshaler) {
		return v, nil // it knows better
	}
	if text, ok := v.(string); ok && t.Kind() != reflect.Slice {
		return fitText(strings.TrimSpace(text), t, path)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return fit(v, t.Elem(), path)
	case reflect.Slice:
		list, ok := v.([]any)
		switch {
		case v == nil || v == "":
			return nil, nil
		case !ok:
			list = []any{v}
		}
		out := make([]any, len(list))
		for i, item := range list {
			var err error
			if out[i], err = fit(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return nil, err
			}
		}
		return out, nil
	case reflect.Struct:
		object, ok := v.(map[string]any)
		if !ok {
			return v, nil // encoding/json has the words for this
		}
		out := map[string]any{}
		for i := range t.NumField() {
			field := t.Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if !field.IsExported() || name == "-" {
				continue
			}
			if name == "" {
				name = field.Name
			}
			key, value, found := lookUp(object, name)
			if !found {
				continue
			}
			fitted, err := fit(value, field.Type, join(path, key))
			if err != nil {
				return nil, err
			}
			if fitted != nil {
				out[name] = fitted
			}
		}
		return out, nil
	default:
		return v, nil
	}
}

func fitText(text string, t reflect.Type, path string) (any, error) {
	switch kind := t.Kind(); {
	case kind == reflect.Pointer:
		return fitText(text, t.Elem(), path)
	case kind == reflect.String || kind == reflect.Interface:
		return text, nil
	case text == "":
		return nil, nil
	case t == duration:
		d, err := parseDuration(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return int64(d), nil
	case kind == reflect.Bool:
		b, err := parseBool(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return b, nil
	case kind >= reflect.Int && kind <= reflect.Float64:
		if !json.Valid([]byte(text)) {
			return nil, fmt.Errorf("%s: %q is not a number", path, text)
		}
		return json.Number(text), nil
	default:
		return text, nil
	}
}

// lookUp finds a key as encoding/json does: exactly, else in any case.
func lookUp(object map[string]any, name string) (key string, v any, found bool) {
	if v, found = object[name]; found {
		return name, v, true
	}
	for key, v := range object {
		if strings.EqualFold(key, name) {
			return key, v, true
		}
	}
	return "", nil, false
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
