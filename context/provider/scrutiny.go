package provider

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/context/sample"
)

// scrutiny asks for all that is known of one transaction's processes.
type scrutiny struct {
	transaction event.TransactionID
	detail      command.Detail
	reply       chan scrutinized // capacity 1: whoever asked may have gone
}

type scrutinized struct {
	accounts []command.Account
	err      error
}

// Publish implements command.Meter.
func (m *meter) Publish(c command.Publication) error { return m.p.publications.change(c) }

var errMeterEnded = errors.New("processes are not measured any more: the provider ends")

// Accounts implements command.Meter.
func (m *meter) Accounts(ctx context.Context, id event.TransactionID, d command.Detail) ([]command.Account, error) {
	s := scrutiny{transaction: id, detail: d, reply: make(chan scrutinized, 1)}
	select {
	case m.scrutinies <- s:
	case <-m.ended:
		return nil, errMeterEnded
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the meter: %w", ctx.Err())
	}
	select {
	case r := <-s.reply:
		return r.accounts, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the meter: %w", ctx.Err())
	}
}

// scrutinize measures one transaction in all detail, beside whatever is due.
func (m *meter) scrutinize(s scrutiny) (r scrutinized) {
	v := m.p.View(s.transaction)
	if v == nil {
		return scrutinized{err: fmt.Errorf("%w: %s", command.ErrUnknown, s.transaction)}
	}
	m.forget(m.p.Views())
	var tasks []*event.TaskView
	var subjects []*subject
	m.batch = m.batch[:0]
	for _, t := range v.Tasks {
		if !t.Present {
			continue
		}
		u := m.subject(refIn(v, t))
		if u == nil {
			continue
		}
		// Connections in any case: who looks a moment later is shown this reading.
		u.tree.Want |= sample.Threads | sample.Connections | want(command.Settings{
			OpenedFiles: s.detail.OpenedFiles, MemoryMaps: s.detail.MemoryMaps,
		})
		m.batch, tasks, subjects = append(m.batch, u.tree), append(tasks, t), append(subjects, u)
	}
	began := time.Now()
	if len(m.batch) > 0 {
		m.sampler.Tick(m.batch...)
	}
	elapsed := time.Since(began) / time.Duration(max(1, len(tasks)))
	for i, t := range tasks {
		tree := subjects[i].tree
		subjects[i].cost = costOf(tree)
		// A process that has just gone is no entry: its exit is on its way.
		if tree.Err() == nil {
			r.accounts = append(r.accounts, accountOf(t, tree, s.detail, elapsed))
		}
		tree.Want &^= sample.Threads // no report has them
	}
	return r
}

// accountOf copies what the sampler has of a tree, which is good until its next tick.
func accountOf(t *event.TaskView, tree *sample.Tree, d command.Detail, elapsed time.Duration) command.Account {
	all := tree.Processes()
	p := all[0]
	a := command.Account{Task: t, At: tree.At(), Elapsed: elapsed, Relative: relative(p), CPU: p.CPUPercent}
	for _, child := range all[1:] {
		a.Children = append(a.Children, relative(child))
	}
	for _, th := range p.Threads {
		r := relative(p)
		r.PID, r.Status = int(th.TID), sample.Word(th.Letter)
		r.Began = r.Began.Add(sample.Ticks(th.Ticks) - sample.Ticks(p.Ticks))
		a.Threads = append(a.Threads, r)
	}
	if d.Connections {
		a.Sockets = socketsOf(p)
	}
	if d.OpenedFiles {
		a.Files = []command.File{}
		for _, f := range tree.Regular() {
			a.Files = append(a.Files, command.File{
				Path: f.Path, FD: int(min(f.FD, math.MaxInt32)), Position: f.Position, Mode: f.Mode(), Flags: f.Flags,
			})
		}
	}
	if d.MemoryMaps {
		a.Mappings = byPath(mapsOf(p))
	}
	return a
}

func relative(p *sample.Process) command.Relative {
	return command.Relative{
		PID: int(p.PID), Status: sample.Word(p.Letter), Began: time.UnixMilli(p.CreateTime),
		RSS: int64(p.Memory.RSS), VMS: int64(p.Memory.VMS), Percent: float64(p.MemoryPercent),
	}
}

func socketsOf(p *sample.Process) []command.Socket {
	list := []command.Socket{}
	for i := range p.Connections {
		c := &p.Connections[i]
		if !sample.IsInet(c) {
			continue
		}
		list = append(list, command.Socket{
			FD: int(c.Fd), Family: int(c.Family), Type: int(c.Type), Status: c.Status,
			Local: command.Address{IP: c.Laddr.IP, Port: int(c.Laddr.Port)}, Peer: peerOf(c.Raddr.IP, int(c.Raddr.Port)),
		})
	}
	return list
}

// peerOf is the zero value where there is no peer: gopsutil gives an address with port 0.
func peerOf(ip string, port int) command.Address {
	if port == 0 {
		return command.Address{}
	}
	return command.Address{IP: ip, Port: port}
}

// byPath adds up the mappings of one path, in order of their first: so psutil shows
// them, and the many without a path are [anon].
func byPath(maps []command.MemoryMap) []command.MemoryMap {
	at := map[string]int{}
	list := []command.MemoryMap{}
	for _, m := range maps {
		if m.Path == "" {
			m.Path = "[anon]"
		}
		i, known := at[m.Path]
		if !known {
			at[m.Path] = len(list)
			list = append(list, m)
			continue
		}
		s := &list[i]
		s.RSS, s.Size, s.PSS = s.RSS+m.RSS, s.Size+m.Size, s.PSS+m.PSS
		s.SharedClean, s.SharedDirty = s.SharedClean+m.SharedClean, s.SharedDirty+m.SharedDirty
		s.PrivateClean, s.PrivateDirty = s.PrivateClean+m.PrivateClean, s.PrivateDirty+m.PrivateDirty
		s.Referenced, s.Anonymous, s.Swap = s.Referenced+m.Referenced, s.Anonymous+m.Anonymous, s.Swap+m.Swap
	}
	return list
}
