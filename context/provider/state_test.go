package provider

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheStateDirectoryHasOneHolderAndAGrowingEpoch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	one, err := takeState(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := takeState(dir); err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "pid") {
		t.Errorf("a second holder: %v", err)
	}
	if err := one.release(); err != nil {
		t.Fatal(err)
	}
	two, err := takeState(dir)
	if err != nil {
		t.Fatal(err)
	}
	if two.epoch != one.epoch+1 {
		t.Errorf("epoch %d after %d", two.epoch, one.epoch)
	}
	if err := two.release(); err != nil {
		t.Fatal(err)
	}
	// Nonsense in the file begins anew rather than keeping a context down.
	if err := os.WriteFile(filepath.Join(dir, "lock"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	three, err := takeState(dir)
	if err != nil || three.epoch != 1 {
		t.Fatalf("%+v, %v", three, err)
	}
	if err := three.release(); err != nil {
		t.Fatal(err)
	}
}
