package sample

import "golang.org/x/sys/unix"

// few says that it is cheaper to ask for our sockets one by one than to list all that
// there are: a question takes some 3 µs; a listing 1 to 3 ms, for a walk through the
// kernel's table, and 1 µs a socket, whoever has it.
func (sp *space) few() bool { return 3*sp.count[tcp] < 1000+sp.dumped }

// ask asks for the state of every TCP socket of ours that is known, by its addresses.
// One that listens does so until its owner runs. It says false if that does not work
// here.
func (sp *space) ask(tick uint64) bool {
	batch := sp.diag.batch[:0]
	for _, k := range sp.sockets {
		switch {
		case k.as.kind != tcp || k.tick != sp.listed[tcp]:
		case k.as.state == tcpListen:
			k.tick = tick
		default:
			batch = append(batch, k)
		}
	}
	sp.diag.batch = batch
	for len(batch) > 0 {
		n := min(len(batch), askedAtOnce)
		if err := sp.diag.exact(batch[:n], sp.put); err != nil {
			return false
		}
		batch = batch[n:]
	}
	sp.listed[tcp] = tick
	return true
}

const (
	tcpListen = 10
	// askedAtOnce bounds the answers that wait in our receive buffer.
	askedAtOnce = 64
	exactSize   = diagHeader + inetRequestV2
	anyCookie   = ^uint32(0)
)

// exact asks for single sockets. One that is not there any more has no answer to give.
func (d *diag) exact(sockets []*socket, put func(*record, []byte)) error {
	d.seq++
	first := d.seq
	for i, k := range sockets {
		q := d.buf[i*exactSize : (i+1)*exactSize]
		clear(q)
		nativeEndian.PutUint32(q[0:], exactSize)
		nativeEndian.PutUint16(q[4:], unix.SOCK_DIAG_BY_FAMILY)
		nativeEndian.PutUint16(q[6:], unix.NLM_F_REQUEST)
		nativeEndian.PutUint32(q[8:], first)
		r := q[diagHeader:]
		r[0], r[1] = k.as.family, unix.IPPROTO_TCP
		nativeEndian.PutUint32(r[4:], ^uint32(0))
		id := r[8:] // struct inet_diag_sockid
		id[0], id[1], id[2], id[3] = byte(k.as.lport>>8), byte(k.as.lport), byte(k.as.rport>>8), byte(k.as.rport)
		copy(id[4:20], k.as.laddr[:])
		copy(id[20:36], k.as.raddr[:])
		nativeEndian.PutUint32(id[40:], anyCookie)
		nativeEndian.PutUint32(id[44:], anyCookie)
	}
	if _, err := unix.Write(d.fd, d.buf[:len(sockets)*exactSize]); err != nil {
		return err
	}
	for answers := 0; answers < len(sockets); {
		n, err := unix.Read(d.fd, d.buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		for b := d.buf[:n]; len(b) >= diagHeader; {
			size := int(nativeEndian.Uint32(b))
			if size < diagHeader || size > len(b) {
				return errDiag
			}
			if nativeEndian.Uint32(b[8:]) == first {
				answers++
				if nativeEndian.Uint16(b[4:]) == unix.SOCK_DIAG_BY_FAMILY {
					if _, ok := parseSocket(b[diagHeader:size], tcp, &d.one); ok {
						put(&d.one, nil)
					}
				}
			}
			b = b[min(len(b), (size+3)&^3):]
		}
	}
	return nil
}
