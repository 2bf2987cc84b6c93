package logs

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Pruner removes the folders of transactions that are over, the longest unchanged
// first, when there are more than Keep of them. The budget bounds bytes, not folders:
// transactions that print a line each would otherwise leave a folder each, for ever.
type Pruner struct {
	StateDir string
	Keep     int                           // folders of transactions that are over
	Live     func(transaction string) bool // it may still write
	Logger   *slog.Logger
}

// Run prunes until ctx ends.
func (p *Pruner) Run(ctx context.Context) error {
	again := time.NewTicker(sweepEvery)
	defer again.Stop()
	for {
		if n, err := p.prune(); n > 0 || err != nil {
			p.Logger.Info("logs of old transactions were removed", "transactions", n, "kept", p.Keep, "err", err)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// prune removes what is too much, and says of how many transactions.
func (p *Pruner) prune() (removed int, first error) {
	root := filepath.Join(p.StateDir, "logs")
	dirs, _ := os.ReadDir(root)
	if len(dirs) <= p.Keep { // mostly: nothing is asked of the disk
		return 0, nil
	}
	type folder struct {
		path string
		at   time.Time // a file was made or removed
	}
	var over []folder
	for _, d := range dirs {
		info, err := d.Info()
		if err == nil && d.IsDir() && !p.Live(d.Name()) {
			over = append(over, folder{filepath.Join(root, d.Name()), info.ModTime()})
		}
	}
	if len(over) <= p.Keep {
		return 0, nil
	}
	slices.SortFunc(over, func(a, b folder) int { return a.at.Compare(b.at) })
	for _, f := range over[:len(over)-p.Keep] {
		if err := os.RemoveAll(f.path); err != nil && first == nil {
			first = err
			continue
		}
		removed++
	}
	return removed, first
}
