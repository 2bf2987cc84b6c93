package screen

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"zmicroservices/context/event"
)

// Options are what a Screen is made of. Follow and Do are required; what they return
// runs beside the screen, as bubbletea does it.
type Options struct {
	Follow  func(Key) tea.Cmd   // from now on Lines and Causes are of this one
	Do      func(Order) tea.Cmd // ends with a Done
	Title   string              // before there are figures
	Colour  bool
	Unicode bool // sparklines and rules are of block and line letters
}

// Screen is the model.
type Screen struct {
	opts          Options
	width, height int

	figures *event.Figures // nil: none yet
	before  *event.Figures // those before, for rates
	traces  map[Key]*trace
	lost    error // nobody answers, and why

	// what is shown of them
	rows     []row
	cursor   place
	top      int // first row that is shown
	order    sorting
	filter   string
	all      bool // quiet transactions, too
	tree     bool // descendants, too
	wide     bool // the lower part has all the room it can get
	frozen   bool
	help     bool
	typing   bool   // of the filter
	confirm  *Order // asked for, and not confirmed yet
	note     string // of what was done last
	bad      bool   // the note tells of a failure
	followed Key
	lines    []Line
	causes   Causes
}

// place is what the cursor stands on: a task service, or a descendant of its.
type place struct {
	Key
	pid int // of the descendant; 0: the task service
}

// keepLines is how many lines of a log are kept: more than a terminal is high.
const keepLines = 300

// settle is how long the cursor rests until its log is followed.
const settle = 150 * time.Millisecond

// New makes a screen. It is 80 by 24 until it is told otherwise.
func New(o Options) *Screen {
	return &Screen{opts: o, width: 80, height: 24, traces: map[Key]*trace{}}
}

// Init implements tea.Model.
func (s *Screen) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (s *Screen) Update(m tea.Msg) (tea.Model, tea.Cmd) {
	was := s.cursor.Key
	var cmd tea.Cmd
	switch m := m.(type) {
	case tea.WindowSizeMsg:
		s.width, s.height = m.Width, m.Height
	case tea.KeyPressMsg:
		cmd = s.key(m)
	case tea.PasteMsg:
		if s.typing {
			s.filter += clean(m.Content)
			s.arrange()
		}
	case Figures:
		s.take(m.Figures)
	case Lines:
		if m.Key == s.followed {
			s.lines = append(s.lines, m.Lines...)
			s.lines = s.lines[max(0, len(s.lines)-keepLines):]
		}
	case Causes:
		if m.Key == s.followed {
			s.causes = m
		}
	case Done:
		s.done(m)
	case Lost:
		s.lost = m.Err
		s.followed = Key{} // whoever answers next is to be asked anew
	case settled:
		cmd = s.follow(m.Key)
	}
	if now := s.cursor.Key; now != (Key{}) && (now != was || s.followed == Key{}) {
		cmd = tea.Batch(cmd, tea.Tick(settle, func(time.Time) tea.Msg { return settled{now} }))
	}
	return s, cmd
}

// follow has the log of the one under the cursor followed, if it still is.
func (s *Screen) follow(k Key) tea.Cmd {
	if k != s.cursor.Key || k == s.followed || s.lost != nil {
		return nil
	}
	s.followed, s.lines, s.causes = k, nil, Causes{}
	return s.opts.Follow(k)
}

// take takes figures in.
func (s *Screen) take(f *event.Figures) {
	s.lost = nil
	if s.frozen {
		return
	}
	s.before, s.figures = s.figures, f
	here := make(map[Key]bool, len(f.Services))
	for _, of := range f.Services {
		k := Key{of.Transaction, of.ID}
		here[k] = true
		if s.traces[k] == nil {
			s.traces[k] = &trace{}
		}
		s.traces[k].add(of.Cost)
	}
	for k := range s.traces {
		if !here[k] {
			delete(s.traces, k)
		}
	}
	s.arrange()
}

func (s *Screen) done(d Done) {
	s.bad = d.Reason != ""
	s.note = pastOf(d.Action) + " " + string(d.Task)
	if s.bad {
		s.note = d.Action + " " + string(d.Task) + ": " + clean(d.Reason)
	}
}

func pastOf(action string) string {
	switch action {
	case "start", "restart":
		return action + "ed"
	case "stop":
		return "stopped"
	}
	return action
}
