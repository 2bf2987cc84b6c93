package sample

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// table lists the sockets of a network namespace from the files below /proc/PID/net
// (proc_pid_net(5)), for whoever may not enter it and for kernels without sock_diag.
type table struct{}

// list gives what diag.list gives.
func (*table) list(s *Sampler, pid int32, kinds [unixSocket + 1]bool, put func(*record, []byte)) error {
	for _, f := range []struct {
		name   string
		kind   kind
		family uint8
	}{
		{"tcp", tcp, unix.AF_INET}, {"tcp6", tcp, unix.AF_INET6}, {"udp", udp, unix.AF_INET}, {"udp6", udp, unix.AF_INET6}, {"unix", unixSocket, unix.AF_UNIX},
	} {
		if !kinds[f.kind] {
			continue
		}
		var once file
		room := s.files.keep
		s.files.keep = 0 // it is never kept
		text, err := s.files.read(s.root, s.files.path(pid, "/net/"+f.name), &once)
		s.files.keep = room
		if errors.Is(err, unix.ENOENT) && f.family == unix.AF_INET6 {
			continue // a kernel without IPv6
		}
		if err != nil {
			return fmt.Errorf("read list of %s sockets: %w", f.name, err)
		}
		for i := 0; len(text) > 0; i++ {
			var line []byte
			line, text, _ = bytes.Cut(text, []byte("\n"))
			r := record{kind: f.kind, family: f.family}
			if i == 0 {
				continue
			}
			if path, ok := r.line(line); ok {
				put(&r, path)
			}
		}
	}
	return nil
}

// line reads one line; false if it is none.
func (r *record) line(line []byte) (path []byte, ok bool) {
	if r.kind == unixSocket {
		return r.unixLine(line)
	}
	f := bytes.Fields(line)
	if len(f) < 10 || len(f[3]) != 2 {
		return nil, false
	}
	var state [1]byte
	if _, err := hex.Decode(state[:], f[3]); err != nil {
		return nil, false
	}
	r.sockType = unix.SOCK_DGRAM
	if r.kind == tcp {
		r.sockType, r.state = unix.SOCK_STREAM, state[0]
	}
	inode := fields{f[9]}
	n, is := inode.next()
	r.inode = uint32(n)
	return nil, is && n != 0 && place(f[1], &r.laddr, &r.lport) && place(f[2], &r.raddr, &r.rport)
}

// place reads "0100007F:1F90": words in the order of the machine's bytes, and a port.
func place(text []byte, addr *[16]byte, port *uint16) bool {
	words, tail, ok := bytes.Cut(text, []byte(":"))
	var raw [16]byte
	var p [2]byte
	if !ok || len(words) != 8 && len(words) != 32 || len(tail) != 4 {
		return false
	}
	n, err := hex.Decode(raw[:], words)
	if err != nil {
		return false
	}
	if _, err := hex.Decode(p[:], tail); err != nil {
		return false
	}
	*port = uint16(p[0])<<8 | uint16(p[1])
	for i := 0; i < n; i += 4 {
		// What was printed as a number has its first byte at the end of the text where
		// bytes are little-endian.
		word := uint32(raw[i])<<24 | uint32(raw[i+1])<<16 | uint32(raw[i+2])<<8 | uint32(raw[i+3])
		nativeEndian.PutUint32(addr[i:], word)
	}
	return true
}

// unixLine reads "Num: RefCount Protocol Flags Type St Inode Path"; a path may have
// blanks in it.
func (r *record) unixLine(line []byte) (path []byte, ok bool) {
	var col [7][]byte
	rest := line
	for i := range col {
		rest = bytes.TrimLeft(rest, " ")
		col[i], rest, _ = bytes.Cut(rest, []byte(" "))
	}
	inode, typ := fields{col[6]}, fields{col[4]}
	n, is := inode.next()
	t, _ := typ.next()
	r.inode, r.sockType = uint32(n), uint8(t)
	return rest, is
}
