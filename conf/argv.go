package conf

import (
	"errors"
	"fmt"
	"slices"
)

// splitArgv splits a command line into its arguments by the quoting rules of
// the POSIX shell (XCU 2.2) and does nothing else a shell does: no variables,
// no globs, no pipes. What is in the file is what the program gets.
func splitArgv(s string) ([]string, error) {
	var argv []string
	var word []byte
	inWord := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case ' ', '\t', '\n', '\r':
			if inWord {
				argv = append(argv, string(word))
				word, inWord = word[:0], false
			}
			continue
		case '\'', '"':
			end, text, err := quoted(s, i)
			if err != nil {
				return nil, err
			}
			word = append(word, text...)
			i = end
		case '\\':
			i++
			if i == len(s) {
				return nil, errors.New("ends in a backslash that quotes nothing")
			}
			if s[i] == '\n' {
				continue // a line continuation, and no word by itself
			}
			word = append(word, s[i])
		default:
			word = append(word, c)
		}
		inWord = true
	}
	if inWord {
		argv = append(argv, string(word))
	}
	switch {
	case len(argv) == 0:
		return nil, errors.New("is empty")
	case argv[0] == "":
		return nil, errors.New("names no program: its first word is empty")
	}
	return argv, nil
}

// quoted reads the quotation that begins at s[start] and returns the index of
// its closing quote.
func quoted(s string, start int) (end int, text []byte, err error) {
	quote := s[start]
	for i := start + 1; i < len(s); i++ {
		c := s[i]
		switch {
		case c == quote:
			return i, text, nil
		case c == '\\' && quote == '"' && i+1 < len(s):
			// Within double quotes a backslash quotes these five only.
			switch s[i+1] {
			case '$', '`', '"', '\\':
				i++
				c = s[i]
			case '\n':
				i++
				continue
			}
		}
		text = append(text, c)
	}
	return 0, nil, fmt.Errorf("has a quote %c at its character %d that is never closed", quote, start+1)
}

// operators mean something to a shell. Standing alone in a command they
// show that somebody expects one.
var operators = []string{"|", "||", "&", "&&", ";", "<", ">", ">>", "2>", "2>&1"}

func shellOperator(argv []string) string {
	for _, a := range argv {
		if slices.Contains(operators, a) {
			return a
		}
	}
	return ""
}
