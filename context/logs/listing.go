package logs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// cutStamp is what the keeper puts behind the name of a file that it cuts: the time in
// UTC, fixed in width. All lines in the file are older.
const cutStamp = "20060102T150405.000000000Z"

// cut is a file that was cut from a log.
type cut struct {
	stamp string
	plain bool // it is there as it was cut
	gzip  bool // it is there compressed; with plain, the compressor is about to remove that
}

// at is the time of the cut.
func (c cut) at() time.Time {
	t, _ := time.Parse(cutStamp, c.stamp) // parseName has checked it
	return t
}

// parseName tells what a name in a transaction's folder is; no task: not ours. Of a
// live file the stamp is "".
func parseName(name string) (task, stamp string, gzip bool) {
	if task, ok := strings.CutSuffix(name, ".log"); ok {
		return task, "", false
	}
	name, gzip = strings.CutSuffix(name, ".gz")
	i := len(name) - len(cutStamp) - 1
	if i < 0 || name[i] != '.' {
		return "", "", false
	}
	if at, err := time.Parse(cutStamp, name[i+1:]); err != nil || at.Format(cutStamp) != name[i+1:] { // it takes a comma too
		return "", "", false
	}
	task, ok := strings.CutSuffix(name[:i], ".log")
	if !ok {
		return "", "", false
	}
	return task, name[i+1:], gzip
}

// settled is how old a folder's last change must be for a listing to be trusted that was
// made since: the times of files are those of the kernel's ticks.
const settled = 100 * time.Millisecond

// listing knows the files of a transaction's folder. It looks again when something has
// changed there.
type listing struct {
	dir   string
	mtime time.Time
	sure  bool // nothing can have changed at mtime after we looked
	tasks map[string][]cut
	parts []string // what a compressor has left half done
}

// refresh looks, if it must. A folder that is not there has no files.
func (l *listing) refresh() error {
	info, err := os.Stat(l.dir)
	if os.IsNotExist(err) {
		l.tasks, l.sure = nil, false
		return nil
	}
	if err != nil {
		return err
	}
	if l.sure && info.ModTime().Equal(l.mtime) {
		return nil
	}
	l.mtime, l.sure = info.ModTime(), time.Since(info.ModTime()) > settled
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return err
	}
	l.tasks, l.parts = make(map[string][]cut), nil
	for _, e := range entries { // in the order of names
		task, stamp, gzip := parseName(e.Name())
		if task == "" {
			if strings.HasSuffix(e.Name(), partSuffix) {
				l.parts = append(l.parts, filepath.Join(l.dir, e.Name()))
			}
			continue
		}
		cuts := l.tasks[task]
		switch n := len(cuts); {
		case stamp == "":
		case n > 0 && cuts[n-1].stamp == stamp:
			cuts[n-1].gzip = cuts[n-1].gzip || gzip
		default:
			cuts = append(cuts, cut{stamp: stamp, plain: !gzip, gzip: gzip})
		}
		l.tasks[task] = cuts
	}
	return nil
}

// names are the tasks that have files, in order.
func (l *listing) names() []string {
	names := make([]string, 0, len(l.tasks))
	for task := range l.tasks {
		names = append(names, task)
	}
	slices.Sort(names)
	return names
}

// after gives a task's cut files that are newer than a stamp, the oldest first.
func (l *listing) after(task, stamp string) []cut {
	all := l.tasks[task]
	i, _ := slices.BinarySearchFunc(all, stamp, func(c cut, s string) int { return strings.Compare(c.stamp, s) })
	for i < len(all) && all[i].stamp <= stamp {
		i++
	}
	return all[i:]
}

func (l *listing) live(task string) string { return filepath.Join(l.dir, task+".log") }

func (l *listing) cut(task string, c cut) string { return l.live(task) + "." + c.stamp }

// Tasks gives the tasks that have files in a transaction's folder, in order.
func Tasks(dir string) ([]string, error) {
	l := listing{dir: dir}
	if err := l.refresh(); err != nil {
		return nil, err
	}
	return l.names(), nil
}

// Transaction is one that has files.
type Transaction struct {
	ID      string
	Written time.Time // when its newest file was last written to
}

// Transactions gives those that have files in a state directory, the one last written
// to first.
func Transactions(stateDir string) ([]Transaction, error) {
	dirs, err := os.ReadDir(filepath.Join(stateDir, "logs"))
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	var found []Transaction
	for _, d := range dirs {
		t := Transaction{ID: d.Name()}
		files, _ := os.ReadDir(filepath.Join(stateDir, "logs", d.Name()))
		for _, f := range files {
			task, _, _ := parseName(f.Name())
			if info, err := f.Info(); task != "" && err == nil && info.ModTime().After(t.Written) {
				t.Written = info.ModTime()
			}
		}
		if !t.Written.IsZero() {
			found = append(found, t)
		}
	}
	slices.SortStableFunc(found, func(a, b Transaction) int { return b.Written.Compare(a.Written) })
	return found, nil
}
