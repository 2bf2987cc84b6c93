package provider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/context/forwarder"
	"zmicroservices/context/keeper"
	"zmicroservices/context/launch"
	"zmicroservices/taskservice/keys"
	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
	"zmicroservices/taskservice/zmtp/plain"
)

// doors say who may connect to the bus over tcp, and as whom. Nil doors are open
// to everybody that the kernel can name.
type doors struct {
	log      *slog.Logger
	server   curve.Pair
	clients  *keys.Directory // with CURVE
	children *children       // with CURVE
	users    *keys.Users     // with PLAIN
	expel    func(reason error, which func(forwarder.Peer) bool)
}

// ErrKeys means that the keys or users that the options name cannot be used.
var ErrKeys = errors.New("keys of the bus")

var (
	errWithdrawn = errors.New("its key was withdrawn or changed")
	errUnknown   = errors.New("nobody has authorized it")
	errOver      = errors.New("the task service that it was given to has ended")
)

// openDoors reads the keys that the options name; nil if they name none.
func openDoors(o Options) (*doors, error) {
	d := &doors{log: o.Logger}
	var err error
	switch {
	case o.Curve != "":
		err = d.openCurve(o.Curve, filepath.Join(o.RuntimeDir, "keys"))
	case o.Plain != "":
		d.users, err = keys.OpenUsers(keys.UsersOptions{Path: o.Plain, Logger: o.Logger, Revoked: func(gone []string) {
			d.withdraw(errWithdrawn, gone...)
		}})
	default:
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeys, err)
	}
	return d, nil
}

func (d *doors) openCurve(dir, children string) error {
	store := keys.Store(dir)
	server, err := keys.Load(store.Server())
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: conf_command keygen %s makes it", err, dir)
	}
	if err != nil {
		return err
	}
	if d.server, err = server.Pair(); err != nil {
		return err
	}
	// A server without clients is one whose services alone may connect.
	if err := os.MkdirAll(store.Clients(), 0o755); err != nil {
		return fmt.Errorf("make directory of clients' keys: %w", err)
	}
	d.clients, err = keys.OpenDirectory(keys.DirectoryOptions{
		Path: store.Clients(), Logger: d.log,
		Revoked: func(gone []curve.Key) {
			names := make([]string, len(gone))
			for i, k := range gone {
				names[i] = k.String()
			}
			d.withdraw(errWithdrawn, names...)
		},
	})
	if err != nil {
		return err
	}
	d.children, err = takeChildren(children, d.server.Public, d.log)
	return err
}

// security is what the forwarder asks of peers.
func (d *doors) security() *forwarder.Security {
	switch {
	case d == nil:
		return nil
	case d.users != nil:
		return &forwarder.Security{Mechanism: plain.Name, New: func(m zmtp.Metadata) zmtp.Mechanism {
			return plain.NewServer(plain.ServerOptions{Check: d.users.Check, Metadata: m})
		}}
	default:
		return &forwarder.Security{Mechanism: curve.Name, New: func(m zmtp.Metadata) zmtp.Mechanism {
			return curve.NewServer(curve.ServerOptions{Pair: d.server, Authorize: d.authorize, Metadata: m})
		}}
	}
}

func (d *doors) authorize(key curve.Key) error {
	if _, known := d.find(key); !known {
		return errUnknown
	}
	return nil
}

func (d *doors) find(key curve.Key) (keys.Grant, bool) {
	if g, known := d.children.lookup(key); known {
		return g, true
	}
	return d.clients.Lookup(key)
}

// vouch says who has shaken hands.
func (d *doors) vouch(p *forwarder.Peer) error {
	var grant keys.Grant
	var known bool
	if d.users != nil {
		grant, known = d.users.Lookup(p.Key)
	} else {
		key, err := curve.ParseKey(p.Key)
		if err != nil {
			return err
		}
		grant, known = d.find(key)
	}
	if !known {
		return errUnknown
	}
	p.Name, p.Role, p.Services = grant.Name, grant.Role.String(), grant.Services
	p.Mute = grant.Role == keys.Observe
	return nil
}

// withdraw hangs up on the owners of keys.
func (d *doors) withdraw(reason error, gone ...string) {
	set := map[string]bool{}
	for _, k := range gone {
		set[k] = true
	}
	d.expel(reason, func(p forwarder.Peer) bool { return set[p.Key] })
}

// run looks after what changes on the disk, until ctx ends.
func (d *doors) run(ctx context.Context) error {
	if d.users != nil {
		return d.users.Run(ctx)
	}
	return d.clients.Run(ctx)
}

// private are endpoints beside the file's, for the task services that we start: with
// PLAIN, which gives nobody a key of its own, they come by unix sockets, where the
// kernel says who they are.
func (d *doors) private(runtimeDir string) (publish, subscribe string) {
	if d == nil || d.users == nil {
		return "", ""
	}
	return "ipc://" + filepath.Join(runtimeDir, "publish"), "ipc://" + filepath.Join(runtimeDir, "subscribe")
}

// give says that every process gets a key, which is written to the disk.
func (d *doors) give() bool { return d != nil && d.children != nil }

// key gives a process its key, by a variable that names its file.
func (d *doors) key(ref event.Ref, who *launch.Account) ([]conf.Env, error) {
	if !d.give() {
		if d != nil && who != nil && int(who.UID) != os.Getuid() {
			return nil, fmt.Errorf("with --plain a task service cannot run as %s, who has no way to the bus: use --curve", who.Name)
		}
		return nil, nil
	}
	path, err := d.children.give(ref, who)
	if err != nil {
		return nil, err
	}
	return []conf.Env{{Name: "ZMS_CURVE", Value: path}}, nil
}

// over takes back the keys of processes that are gone: whoever has copied one is out.
func (d *doors) over(refs ...event.Ref) {
	if !d.give() {
		return
	}
	var gone []string
	for _, ref := range refs {
		if key, had := d.children.take(ref); had {
			gone = append(gone, key.String())
		}
	}
	if len(gone) > 0 {
		d.withdraw(errOver, gone...)
	}
}

// sweep takes back what was given to processes that the keeper does not hold.
func (d *doors) sweep(held []keeper.Status) {
	if !d.give() {
		return
	}
	lives := map[event.Ref]bool{}
	for _, s := range held {
		lives[refOf(s.ID)] = true
	}
	// The bus is open by now: who has copied such a key may have come already.
	d.over(d.children.forgotten(func(ref event.Ref) bool { return lives[ref] })...)
}
