package conf

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// maxName leaves room for an id in a file name, which ends at 255 bytes.
const maxName = 200

// checkID judges a task id. It becomes the name of a log file and a part of
// the environment's transaction/task/incarnation, and <call> lists ids with
// blanks and commas between them.
func checkID(s string) (string, error) {
	if err := plainName(s); err != nil {
		return "", err
	}
	if strings.ContainsFunc(s, isListSeparator) {
		return "", errors.New("holds a blank or a comma, which separate ids in <call>")
	}
	return s, nil
}

// checkInstance judges an instance, which becomes the name of a folder below
// its location. With a separator in it, it could lead out of there.
func checkInstance(s string) (string, error) {
	if err := plainName(s); err != nil {
		return "", err
	}
	return s, nil
}

// CheckTransaction judges a transaction's identifier. It comes from an operator,
// by message or by flag, and becomes the name of a folder of logs and a part of
// the environment's transaction/task/incarnation.
func CheckTransaction(id string) error {
	if err := plainName(id); err != nil {
		return fmt.Errorf("transaction %q %w", id, err)
	}
	return nil
}

func plainName(s string) error {
	switch {
	case s == "":
		return errors.New("is empty")
	case s == "." || s == "..":
		return errors.New("is a folder's own name or its parent's")
	case strings.ContainsAny(s, `/\`):
		return errors.New("holds a path separator; a plain name is wanted")
	case strings.ContainsFunc(s, unicode.IsControl):
		return errors.New("holds a control character")
	case len(s) > maxName:
		return errors.New("is longer than 200 bytes")
	}
	return nil
}
