"""One libzmq socket at the bus, for the matrix of peers.

    voice.py KIND ENDPOINT [PREFIX...]

A publisher (PUB, XPUB) sends each line of its standard input: the frames in hex,
blanks between them, "-" for an empty one. A subscriber (SUB, XSUB) says each
message so; a line "cancel PREFIX" ends a subscription. HEARTBEAT is
milliseconds. Whoever loses its connection says "lost". It ends with its input.
"""

import os
import sys

import zmq


def text(frames):
    return " ".join(f.hex() or "-" for f in frames)


def frames(line):
    return [b"" if word == "-" else bytes.fromhex(word) for word in line.split()]


def subscribe(s, kind, prefix, on=True):
    if kind == "SUB":
        s.setsockopt(zmq.SUBSCRIBE if on else zmq.UNSUBSCRIBE, prefix)
    else:
        s.send((b"\x01" if on else b"\x00") + prefix)


def secure(s):
    if "CURVE_SERVER" in os.environ:
        s.curve_serverkey = os.environ["CURVE_SERVER"].encode()
        s.curve_publickey = os.environ["CURVE_PUBLIC"].encode()
        s.curve_secretkey = os.environ["CURVE_SECRET"].encode()
    if "PLAIN_USER" in os.environ:
        s.plain_username = os.environ["PLAIN_USER"].encode()
        s.plain_password = os.environ["PLAIN_PASSWORD"].encode()


def lines(stdin):
    """Lines of standard input as far as they are there; None at its end."""
    chunk = os.read(0, 1 << 20)
    if not chunk:
        return None
    *whole, stdin[0] = (stdin[0] + chunk).split(b"\n")
    return [line.decode() for line in whole]


def main(kind, endpoint, prefixes):
    context = zmq.Context()
    s = context.socket(getattr(zmq, kind))
    s.linger = 0
    s.set_hwm(0)
    if "HEARTBEAT" in os.environ:
        every = int(os.environ["HEARTBEAT"])
        s.heartbeat_ivl, s.heartbeat_timeout, s.heartbeat_ttl = every, 20 * every, 40 * every
    secure(s)
    s.monitor("inproc://monitor", zmq.EVENT_DISCONNECTED)
    events = context.socket(zmq.PAIR)
    events.linger = 0
    events.connect("inproc://monitor")
    s.connect(endpoint)
    for prefix in prefixes:
        subscribe(s, kind, prefix.encode())
    poller = zmq.Poller()
    for source in (s, events, 0):
        poller.register(source, zmq.POLLIN)
    stdin = [b""]
    while True:
        ready = dict(poller.poll())
        if events in ready:
            events.recv_multipart()
            print("lost", flush=True)
        if s in ready:
            message = s.recv_multipart()
            if kind.endswith("SUB"):
                print(text(message), flush=True)
        if 0 in ready:
            orders = lines(stdin)
            if orders is None:
                break
            for line in orders:
                if kind.endswith("PUB"):
                    s.send_multipart(frames(line))
                else:
                    subscribe(s, kind, line.partition(" ")[2].encode(), on=False)
    s.disable_monitor()
    events.close()
    s.close()
    context.term()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
