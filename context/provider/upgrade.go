package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/context/journal"
	"zmicroservices/context/keeper"
)

const (
	// upgradeName is the environment variable by which one program tells the next, in
	// the same process, of the upgrade that it is. No service sees it.
	upgradeName = "ZMS_UPGRADE"
	// readyPatience is how long a new program may take until it is ready. It has a
	// journal to open and the builds of services to look at.
	readyPatience = time.Minute
	// keeperPatience bounds the keeper's own turn: a trial, and a quiet moment.
	keeperPatience = time.Minute

	// journalPatience bounds the writing of what waits. What is not written is told again
	// by the keeper; what was answered has been written.
	journalPatience = 30 * time.Second

	newProgram = "upgrade new" // names in the keeper's store
	oldProgram = "upgrade old"
)

// Upgraded is an upgrade as this program found it: it is the new one, or the old one
// that was brought back.
type Upgraded struct {
	Upgrade   command.Upgrade
	Cause     event.Cause
	Probation time.Duration
	Old       int // descriptor of the program before; 0: none
	Control   int // of the listening control socket; 0: it is to be bound
}

// TakeUpgraded reads, and takes out of the environment, what the program before this
// one in the same process has left; nil: this one was started by somebody else.
func TakeUpgraded() *Upgraded {
	text, why := os.Getenv(upgradeName), os.Getenv(keeper.RolledBackName)
	_, _ = os.Unsetenv(upgradeName), os.Unsetenv(keeper.RolledBackName)
	var u Upgraded
	if json.Unmarshal([]byte(text), &u) != nil {
		return nil
	}
	if why != "" {
		u.Upgrade.Outcome, u.Upgrade.Reason = command.UpgradeRolledBack, why
	}
	for _, fd := range []int{u.Old, u.Control} {
		if fd > 0 {
			unix.CloseOnExec(fd)
		}
	}
	return &u
}

// env is the variable that TakeUpgraded reads.
func (u Upgraded) env() string {
	text, _ := json.Marshal(u) // strings and numbers
	return upgradeName + "=" + string(text)
}

// upgrades is what a provider knows of upgrades: the latest, and the program to go back
// to while the new one is on probation.
type upgrades struct {
	replaced atomic.Bool                // the transactions have ended for another program's sake, see recorded
	next     chan func(*teardown) error // sent by Upgrade's proceed; 1: there is one at a time

	mu       sync.Mutex // guards all below
	under    bool       // one is under way: this program is about to end
	latest   *command.Upgrade
	fallback string // path of the old program; "" is none
}

func (u *upgrades) set(latest *command.Upgrade, fallback string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.latest, u.fallback = latest, fallback
}

// settle is the outcome, unless there is one already. False: there is.
func (u *upgrades) settle(outcome, reason string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.latest == nil || u.latest.Outcome != "" {
		return false
	}
	settled := *u.latest
	settled.Outcome, settled.Reason = outcome, reason
	u.latest, u.fallback = &settled, ""
	return true
}

// program is what a keeper is to be started from: on probation the old one.
func (u *upgrades) program(otherwise string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.fallback != "" {
		return u.fallback
	}
	return otherwise
}

// Upgraded implements command.Upgrader.
func (p *Provider) Upgraded() *command.Upgrade {
	p.upgrades.mu.Lock()
	defer p.upgrades.mu.Unlock()
	return p.upgrades.latest
}

// Upgrade implements command.Upgrader: the keeper first, and while that goes on, what
// brings this program back is laid down.
func (p *Provider) Upgrade(ctx context.Context, r command.UpgradeRequest, said func(string)) (command.Upgrade, func(), error) {
	if r.Program == "" {
		r.Program = p.opts.Exe
	}
	if r.Probation <= 0 {
		r.Probation = command.DefaultProbation
	}
	u := Upgraded{
		Upgrade: command.Upgrade{ID: string(NewTransactionID()), From: p.opts.Version, Program: r.Program},
		Cause:   r.Cause, Probation: r.Probation,
	}
	if err := p.beginUpgrade(); err != nil {
		return u.Upgrade, nil, err
	}
	p.note(u, "upgrade began", "to "+r.Program+", from version "+u.Upgrade.From)
	old, err := os.Open("/proc/self/exe")
	if err == nil {
		err = p.upgradeKeeper(ctx, u, said)
		if err == nil {
			err = p.arrange(ctx, u, old)
		}
	}
	if err != nil {
		if old != nil {
			_ = old.Close()
		}
		p.upgrades.set(nil, "")
		p.endUpgrade()
		row := "upgrade failed"
		if errors.Is(err, errRolledBack) {
			row = "upgrade rolled back"
		}
		p.note(u, row, err.Error())
		return u.Upgrade, nil, err
	}
	said(fmt.Sprintf("provider %d executes %s", os.Getpid(), r.Program))
	return u.Upgrade, func() {
		p.upgrades.next <- func(down *teardown) error { return p.become(down, u, old) }
	}, nil
}

// errRolledBack: the keeper died of the program; one of the program before has adopted.
var errRolledBack = errors.New("the new keeper died, and one of the program before has taken over")

func (p *Provider) beginUpgrade() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.upgrades.mu.Lock()
	defer p.upgrades.mu.Unlock()
	switch {
	case len(p.opts.Argv) == 0:
		return errors.New("this provider is part of another program")
	case p.exiting:
		return errors.New("the context is ending")
	case p.upgrades.under, p.upgrades.latest != nil && p.upgrades.latest.Outcome == "":
		return errors.New("another upgrade is under way, or on probation")
	}
	p.upgrades.under = true
	return nil
}

func (p *Provider) endUpgrade() {
	p.upgrades.mu.Lock()
	defer p.upgrades.mu.Unlock()
	p.upgrades.under = false
}

// upgradeKeeper has the keeper execute the program. If the keeper is lost with that,
// the next one is of the old program: see keeperOptions.
func (p *Provider) upgradeKeeper(ctx context.Context, u Upgraded, said func(string)) error {
	f, err := os.Open(u.Upgrade.Program)
	if err != nil {
		return fmt.Errorf("open program: %w", err)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() || st.Mode()&0o111 == 0 {
		return fmt.Errorf("open program: %s is no executable file", u.Upgrade.Program)
	}
	k := p.hold.current()
	if err := k.Store(newProgram, f); err != nil {
		return err
	}
	defer func() { _ = k.Release(newProgram) }() // a keeper that is lost has lost it, too
	p.upgrades.set(&u.Upgrade, "")               // a keeper that is lost is followed by one of this program
	said(fmt.Sprintf("keeper %d tries %s", k.PID(), u.Upgrade.Program))
	ctx, cancel := context.WithTimeout(ctx, keeperPatience)
	defer cancel()
	if err := k.Upgrade(ctx, newProgram); err != nil {
		if k.Err() != nil {
			if late := p.hold.successor(ctx, k); late != nil {
				return fmt.Errorf("%w, and none has followed: %w", err, late)
			}
			return fmt.Errorf("%w: %w", errRolledBack, err)
		}
		return err
	}
	p.opts.Logger.Info("keeper was upgraded", "keeper", k.PID(), "path", u.Upgrade.Program)
	said(fmt.Sprintf("keeper %d runs it, with all processes", k.PID()))
	return nil
}

// arrange lays down with the keeper what brings this program back.
func (p *Provider) arrange(ctx context.Context, u Upgraded, old *os.File) error {
	k := p.hold.current()
	g := &keeper.Guard{
		Program: oldProgram, Stdin: "upgrade stdin", Stdout: "upgrade stdout", Stderr: "upgrade stderr",
		Argv: p.opts.Argv, Within: u.Probation, Patience: readyPatience,
		Env: append(os.Environ(), u.env()),
	}
	var err error
	if g.Dir, err = os.Getwd(); err != nil {
		return fmt.Errorf("guard provider: %w", err)
	}
	for name, f := range map[string]*os.File{g.Program: old, g.Stdin: os.Stdin, g.Stdout: os.Stdout, g.Stderr: os.Stderr} {
		if err := k.Store(name, f); err != nil {
			return err
		}
	}
	return k.Guard(ctx, g)
}

// become executes the program in this process: for everybody else it is as if the
// provider had crashed, but that nothing is lost on the way. It returns with an error
// only, and then nothing is left to be torn down in order: the guard brings us back.
func (p *Provider) become(down *teardown, u Upgraded, old *os.File) error {
	down.steps = nil
	control, err := p.server.Pass() // who connects from here on is served by the next program
	if err != nil {
		p.opts.Logger.Warn("control socket is away until the next program is ready", "err", err)
	}
	p.opts.Logger.Info("provider executes another program", "path", u.Upgrade.Program)
	ctx, cancel := context.WithTimeout(context.Background(), graceAfterStop)
	defer cancel()
	if err := p.forwarder.Drain(ctx); err != nil {
		p.opts.Logger.Warn("subscribers left behind", "err", err)
	}
	p.upgrades.replaced.Store(true) // before: an ended group lets everything pass
	p.endGroups()                   // nobody decides anything from here on
	p.running.Wait()
	ctx, cancel = context.WithTimeout(context.Background(), journalPatience)
	defer cancel()
	if err := p.journal.Close(ctx); err != nil {
		p.opts.Logger.Warn("journal not closed", "err", err)
	}
	if u.Old, err = heritable(old); err == nil && control != nil {
		u.Control, err = heritable(control)
	}
	if err == nil {
		err = syscall.Exec(u.Upgrade.Program, p.opts.Argv, append(os.Environ(), u.env()))
		runtime.KeepAlive(old) // nobody closes them before
		runtime.KeepAlive(control)
	}
	return fmt.Errorf("execute %s: %w", u.Upgrade.Program, err)
}

// heritable is a file's descriptor, kept by the next program.
func heritable(f *os.File) (int, error) {
	_, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, 0)
	return int(f.Fd()), err
}

// listen serves the control socket: that of the program before in this process, if there
// was one, else a new one.
func (p *Provider) listen() (*command.Server, error) {
	hello := command.Hello{
		Version: p.opts.Version, ContextID: p.opts.Context.ContextID, File: p.opts.Context.File,
		FrontEndEndpoint: p.FrontEnd(), BackendEndpoint: p.Backend(), StateDir: p.opts.StateDir, HTTP: p.HTTP(),
	}
	if u := p.opts.Upgraded; u != nil && u.Control > 0 {
		s, err := command.Inherit(u.Control, p.handler, hello)
		if err == nil {
			return s, nil
		}
		p.opts.Logger.Warn("control socket is bound anew", "err", err)
	}
	return command.Listen(p.socket(), p.handler, hello)
}

// probation is a part of a new program's life: it ends with the upgrade's outcome.
func (p *Provider) probation(ctx context.Context) error {
	u := p.opts.Upgraded
	over := time.NewTimer(u.Probation)
	defer over.Stop()
	select {
	case <-over.C:
	case <-ctx.Done():
		return nil
	}
	if p.upgrades.settle(command.UpgradeDone, "") {
		p.opts.Logger.Info("upgrade is done", "version", p.opts.Version)
		p.note(*u, "upgrade done", fmt.Sprintf("from version %s to %s, %s", u.Upgrade.From, p.opts.Version, u.Upgrade.Program))
	}
	_ = syscall.Close(u.Old)
	return nil
}

// arrived says what this program is: new, and on probation, or one that is back.
func (p *Provider) arrived() (onProbation bool) {
	u := p.opts.Upgraded
	if u == nil {
		return false
	}
	latest := u.Upgrade
	latest.To = p.opts.Version
	if latest.Outcome == command.UpgradeRolledBack {
		p.upgrades.set(&latest, "")
		p.opts.Logger.Error("upgrade was rolled back: this is the program before", "path", latest.Program, "reason", latest.Reason)
		p.note(*u, "upgrade rolled back", latest.Reason)
		return false
	}
	p.upgrades.set(&latest, "/proc/"+strconv.Itoa(os.Getpid())+"/fd/"+strconv.Itoa(u.Old))
	p.opts.Logger.Info("provider was upgraded, and is on probation", "from", latest.From, "version", p.opts.Version)
	return true
}

// keeperRolledBack is the end of a keeper that was new.
func (p *Provider) keeperRolledBack(reason string) {
	p.upgrades.mu.Lock()
	latest, under := p.upgrades.latest, p.upgrades.under
	p.upgrades.mu.Unlock()
	if latest == nil || !p.upgrades.settle(command.UpgradeRolledBack, "the new keeper died: "+reason) {
		return
	}
	if under {
		return // Upgrade says so itself
	}
	p.opts.Logger.Error("keeper was rolled back: it runs the program before", "reason", reason)
	p.note(*p.opts.Upgraded, "upgrade rolled back", "the new keeper died: "+reason)
}

// note is a row of the journal about an upgrade.
func (p *Provider) note(u Upgraded, what, reason string) {
	p.journal.Note(journal.Note{Event: what, Cause: u.Cause, Reason: strings.TrimSpace(reason)})
}
