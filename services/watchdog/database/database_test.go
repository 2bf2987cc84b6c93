package database

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"zmicroservices/services/watchdog/sqlite"
)

func TestANameSaysWhichDatabase(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "watchdog.db"), log)
	if _, is := s.(*sqlite.Store); err != nil || !is {
		t.Errorf("a path gives %T, %v", s, err)
	} else if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{
		"postgres://watchdog:s3cret@/x?host=/nonexistent": "nonexistent",
		"postgresql:///x?host=/nonexistent":               "nonexistent",
		"mysql://watchdog:s3cret@host/x":                  `database has the scheme "mysql"`,
	} {
		if _, err := Open(t.Context(), name, log); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
