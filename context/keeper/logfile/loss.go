package logfile

// Owner is whose output a file has: a task, all its incarnations together.
type Owner struct{ Transaction, Task string }

// Loss is how many lines of an owner's output were dropped since the writer began. Why
// is the reason of the last.
type Loss struct {
	Owner    Owner
	Out, Err uint64
	Why      string
}

// maxLosses bounds the tasks whose losses are remembered; those of others are in the
// files alone.
const maxLosses = 10000

// losses is what was dropped of each task.
type losses map[Owner]*loss

type loss struct {
	Loss
	told bool
}

func (l losses) count(of Owner, g gap) {
	lost := l[of]
	if lost == nil {
		if len(l) == maxLosses {
			return
		}
		lost = &loss{Loss: Loss{Owner: of}}
		l[of] = lost
	}
	lost.Out, lost.Err, lost.Why, lost.told = lost.Out+g.out, lost.Err+g.err, g.why, false
}

// total is what all have lost.
func (l losses) total() (lines uint64) {
	for _, of := range l {
		lines += of.Out + of.Err
	}
	return lines
}

// untold gives what has changed since it was last asked, or with all everything.
func (l losses) untold(all bool) (list []Loss) {
	for _, of := range l {
		if all || !of.told {
			of.told = true
			list = append(list, of.Loss)
		}
	}
	return list
}

// Dropped is how many lines are in no file, of all owners.
func (w *Writer) Dropped() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.losses.total()
}

// HasNews says, once, that something was dropped or is to be said.
func (w *Writer) HasNews() bool { return w.news.Swap(false) }

// News gives the losses that have grown since it was last asked, or with all every one,
// and what else the writer has to say.
func (w *Writer) News(all bool) (list []Loss, notes []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	list, notes = w.losses.untold(all), w.notes
	w.notes = nil
	return list, notes
}

// Losses are all that there were.
func (w *Writer) Losses() []Loss {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.losses.untold(true)
}

// Inherit takes a loss over that another writer has counted, and told.
func (w *Writer) Inherit(l Loss) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.losses[l.Owner] = &loss{Loss: l, told: true}
}
