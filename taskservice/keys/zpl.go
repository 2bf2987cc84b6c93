package keys

import (
	"fmt"
	"strings"
)

// parseZPL reads what a certificate needs of ZPL (RFC 4): sections, and in them
// names with values, which it returns as "section/name". Values may be quoted or
// not, as pyzmq writes them; what is nested deeper is somebody else's.
func parseZPL(text string) (map[string]string, error) {
	values := map[string]string{}
	section := ""
	for number, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " \t\r")
		body := strings.TrimLeft(line, " ")
		indent := len(line) - len(body)
		if body == "" || body[0] == '#' {
			continue
		}
		name, value, err := splitZPL(body)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number+1, err)
		}
		switch {
		case indent == 0:
			section = name
		case section == "":
			return nil, fmt.Errorf("line %d: %q stands in no section", number+1, name)
		case indent > 4:
			continue
		}
		if indent > 0 {
			name = section + "/" + name
		}
		if _, twice := values[name]; twice {
			return nil, fmt.Errorf("line %d: %s comes twice", number+1, name)
		}
		values[name] = value
	}
	return values, nil
}

// splitZPL splits a line without its indent. Its errors do not show the value.
func splitZPL(line string) (name, value string, err error) {
	name, value, _ = strings.Cut(line, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	for _, c := range name {
		if c <= ' ' || c > '~' || strings.ContainsRune(`"'#=`, c) {
			return "", "", fmt.Errorf("no name of ZPL begins the line")
		}
	}
	if name == "" {
		return "", "", fmt.Errorf("no name before =")
	}
	if value != "" && (value[0] == '"' || value[0] == '\'') {
		quoted, after, closed := strings.Cut(value[1:], value[:1])
		if after = strings.TrimSpace(after); !closed || after != "" && after[0] != '#' {
			return "", "", fmt.Errorf("%s: the value's quotes do not match", name)
		}
		return name, quoted, nil
	}
	value, _, _ = strings.Cut(value, " #")
	return name, strings.TrimSpace(value), nil
}

// appendZPL appends one name and value of a section.
func appendZPL(text *strings.Builder, name, value string) {
	quote := `"`
	if strings.Contains(value, quote) {
		quote = "'"
	}
	fmt.Fprintf(text, "    %s = %s%s%s\n", name, quote, value, quote)
}
