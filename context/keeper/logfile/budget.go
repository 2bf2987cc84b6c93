package logfile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// budget bounds the bytes of all log files of a context, those of transactions that
// have ended included. When they are used up, the oldest cut files go, over all
// transactions; then the files of tasks that do not run. A file in use is cut at its
// share already, so that room can be made for everybody.
//
// It knows what is there by looking, and counts what is written since. Others only
// take away (the provider compresses, users delete): the next look finds that.
type budget struct {
	root  string                 // logs/ of the state directory
	inUse func(path string) bool // a file that somebody writes to

	limit atomic.Int64 // 0: none

	// mu guards what follows. It is held while looking: writers wait for each other
	// there, and nobody else takes it.
	mu     sync.Mutex
	used   int64     // at least
	known  bool      // used was found by looking
	failed time.Time // when there was last no room to be made
	said   time.Time
	unsaid string
}

// budgetPause is the time between two looks that find no room.
const budgetPause = time.Second

// share is the size at which one of n files in use is cut, whatever its own limit; 0 is
// none.
func (b *budget) share(n int) int64 {
	limit := b.limit.Load()
	if limit == 0 {
		return 0
	}
	return max(1, limit/int64(max(n, 2)))
}

// take says whether n bytes more may be written, and makes room for them if it must.
func (b *budget) take(n int64) bool {
	limit := b.limit.Load()
	if limit == 0 {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.known || b.used+n > limit {
		if time.Since(b.failed) < budgetPause {
			return false
		}
		b.makeRoom(n, limit)
		if b.used+n > limit {
			b.failed = time.Now()
			return false
		}
	}
	b.used += n
	return true
}

func (b *budget) takeNote() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	note := b.unsaid
	b.unsaid = ""
	return note
}

// old is a file that may go.
type old struct {
	path string
	size int64
	rank int // lower goes first
	at   string
}

// makeRoom looks, and removes what is too much; some more, so that it has not to be
// done for every line.
func (b *budget) makeRoom(n, limit int64) {
	var all []old
	b.used, b.known = 0, true
	dirs, _ := os.ReadDir(b.root)
	for _, dir := range dirs {
		files, _ := os.ReadDir(filepath.Join(b.root, dir.Name()))
		for _, file := range files {
			info, err := file.Info()
			if err != nil || !info.Mode().IsRegular() {
				continue
			}
			b.used += info.Size()
			path := filepath.Join(b.root, dir.Name(), file.Name())
			if _, stamp, ok := parseCut(file.Name()); ok {
				all = append(all, old{path, info.Size(), 0, stamp})
			} else if strings.HasSuffix(path, ".log") && !b.inUse(path) {
				all = append(all, old{path, info.Size(), 1, info.ModTime().UTC().Format(cutStamp)})
			}
		}
	}
	if b.used+n <= limit {
		return
	}
	slices.SortFunc(all, func(x, y old) int {
		if x.rank != y.rank {
			return x.rank - y.rank
		}
		return strings.Compare(x.at, y.at)
	})
	removed := 0
	for _, o := range all {
		if b.used+n <= limit-limit/16 {
			break
		}
		if os.Remove(o.path) == nil {
			b.used -= o.size
			removed++
		}
	}
	if removed > 0 && time.Since(b.said) > time.Minute {
		b.said = time.Now()
		b.unsaid = fmt.Sprintf("log budget of %d bytes: %d old log files were removed", limit, removed)
	}
}
