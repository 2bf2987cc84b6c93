package templates

import (
	"bytes"
	"embed"
	"fmt"
	"go/format"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

//go:embed go/*.tmpl python/*.tmpl
var sources embed.FS

// render fills the templates of one language. Go files leave here as gofmt
// would have them, so that a description of any length cannot spoil them.
func (s Service) render(dir string, list []source) ([]File, error) {
	parsed, err := template.New("").Funcs(functions).ParseFS(sources, dir+"/*.tmpl")
	if err != nil {
		return nil, fmt.Errorf("parse templates %s: %w", dir, err)
	}
	files := make([]File, 0, len(list))
	for _, src := range list {
		var text bytes.Buffer
		if err := parsed.ExecuteTemplate(&text, src.template, s); err != nil {
			return nil, fmt.Errorf("render %s: %w", src.name, err)
		}
		data := text.Bytes()
		if strings.HasSuffix(src.name, ".go") {
			if data, err = format.Source(data); err != nil {
				return nil, fmt.Errorf("format %s: %w", src.name, err)
			}
		}
		files = append(files, File{Name: src.name, Mode: src.mode, Data: data})
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return files, nil
}

var functions = template.FuncMap{
	// literal is a string literal of both Go and Python: strconv escapes
	// with sequences that the two languages read alike.
	"literal": strconv.QuoteToASCII,
	// title makes a name exported, as the names of tests must go on.
	"title": func(name string) string { return strings.ToUpper(name[:1]) + name[1:] },
	// lines breaks a text into comment lines of 76 columns after a prefix.
	"lines": wrap,
	// sentence and docstring are the description, made harmless: of one
	// line, and (for Python) with nothing that could end the docstring.
	"sentence":  Service.sentence,
	"docstring": func(s Service) string { return docstring.Replace(s.sentence()) },
}

var docstring = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// wrap breaks text at spaces into lines of at most 76 columns, each behind the
// prefix. A longer word has a line of its own.
func wrap(prefix, text string) string {
	const width = 76
	var out strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		switch length := len([]rune(word)); {
		case column == 0:
			out.WriteString(prefix + word)
			column = len(prefix) + length
		case column+1+length > width:
			out.WriteString("\n" + prefix + word)
			column = len(prefix) + length
		default:
			out.WriteString(" " + word)
			column += 1 + length
		}
	}
	return out.String()
}
