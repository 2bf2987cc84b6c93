"""Real libzmq peers at a forwarder: interop.py CASE FRONT BACK [SERVER PUBLIC SECRET].

With keys, those at the forwarder speak CURVE.

Each case that can be is run twice, at the forwarder and at libzmq's own
zmq_proxy(XSUB, XPUB), and must give the same. Prints "ok", or fails with a
traceback. "restart" on stdout asks the parent for a restart on the same ports,
which answers with a line.
"""

import os
import sys
import threading
import time

import zmq
from zmq.utils.monitor import recv_monitor_message

PATIENCE = 10_000  # ms

context = zmq.Context()
keys = sys.argv[4:]


def socket(kind, endpoint, **options):
    s = context.socket(kind)
    s.linger = 0
    s.rcvtimeo = PATIENCE
    for name, value in options.items():
        s.setsockopt(getattr(zmq, name), value)
    if keys and endpoint in sys.argv[2:4]:
        s.curve_serverkey, s.curve_publickey, s.curve_secretkey = (k.encode() for k in keys)
    s.connect(endpoint)
    return s


def monitor(s, events):
    """The socket's events. pyzmq's get_monitor_socket names the endpoint after a
    descriptor, which is taken when an earlier monitor of that number is closing."""
    endpoint = "inproc://monitor-" + os.urandom(8).hex()
    s.monitor(endpoint, events)
    return socket(zmq.PAIR, endpoint)


def subscriber(back, *prefixes, kind=zmq.SUB, **options):
    s = socket(kind, back, **options)
    for p in prefixes + (b"probe",):
        if kind == zmq.SUB:
            s.subscribe(p)
        else:
            s.send(b"\x01" + p)
    return s


def join(pub, *subs):
    """Returns when every subscriber hears the publisher, and has nothing more to hear."""
    token = b"probe " + os.urandom(8)
    left = set(subs)
    while left:
        pub.send(token)
        for s in list(left):
            if s.poll(10):
                while s.poll(0):
                    if s.recv_multipart() == [token]:
                        left.discard(s)
    last = token + b" last"
    pub.send(last)
    for s in subs:
        while s.recv_multipart() != [last]:
            pass


def hear(s, n):
    return [s.recv_multipart() for _ in range(n)]


def silent(*subs):
    return not any(s.poll(50) for s in subs)


# What the cases return is compared with what the proxy gives.


def case_filters(front, back):
    pub = socket(zmq.PUB, front)
    everything, control, several = subscriber(back, b""), subscriber(back, b"control"), subscriber(back, b"a", b"ab", b"a", b"\x00\xff")
    join(pub, everything, control, several)
    for m in (b"control @@@ {}", b"abc", b"contro", b"a", b"", b"\x00\xff\x01", b"b"):
        pub.send(m)
    return hear(everything, 7), hear(control, 1), hear(several, 3), silent(everything, control, several)


def case_frames(front, back):
    pub, sub = socket(zmq.PUB, front), subscriber(back, b"m")
    join(pub, sub)
    big = bytes(range(256)) * 1000
    for m in ([b"m", b"", b"\x00\x01\x02", b""], [b"m" + big, big, b"end"], [b"x", b"m"], [b"m"]):
        pub.send_multipart(m)
    return hear(sub, 3), silent(sub)


def case_unsubscribe(front, back):
    pub, sub = socket(zmq.PUB, front), subscriber(back, b"a", b"b", b"a")
    join(pub, sub)
    pub.send(b"a1")
    first = hear(sub, 1)
    sub.unsubscribe(b"a")  # one of two
    sub.subscribe(b"c")
    join(pub, sub)
    pub.send(b"a2")
    second = hear(sub, 1)
    sub.unsubscribe(b"a")
    sub.unsubscribe(b"never")
    pub.send(b"b1")
    hear(sub, 1)
    # An unsubscription travels alone: it has arrived when a later subscription has.
    sub.subscribe(b"later")
    while not sub.poll(20):
        pub.send(b"later")
    while sub.poll(50):
        sub.recv()
    pub.send(b"a3")
    pub.send(b"c1")
    return first, second, hear(sub, 1)


def case_xpub_xsub(front, back):
    pub = socket(zmq.XPUB, front)
    x = subscriber(back, b"t", b"t", b"t", kind=zmq.XSUB)
    sub = subscriber(back, b"")
    while pub.recv() != b"\x01":  # a proxy hands all subscriptions on, we only this one
        pass
    join(pub, x, sub)
    for m in (b"t1", b"u1", b"t2"):
        pub.send(m)
    return hear(x, 2), hear(sub, 3), silent(x, sub)


def case_large(front, back):
    pub, sub = socket(zmq.PUB, front), subscriber(back, b"L")
    join(pub, sub)
    for size in (10_000_000,) if keys else (10_000_000, 64 * 1024 * 1024 - 9):  # libzmq seals slowly
        pub.send(b"L" * size)
        got = sub.recv()
        assert len(got) == size and got == b"L" * size
    return True


def case_order(front, back):
    pubs, subs = [socket(zmq.PUB, front, SNDHWM=0) for _ in range(4)], [subscriber(back, b"n", RCVHWM=0) for _ in range(3)]
    for p in pubs:
        join(p, *subs)
    for s in subs:
        while s.poll(20):
            s.recv()
    for i in range(200):
        for k, p in enumerate(pubs):
            p.send_multipart([b"n%d" % k, b"%d" % i])
    for s in subs:
        seen = {}
        for who, n in hear(s, 800):
            assert int(n) == seen.get(who, -1) + 1, (who, n, seen)
            seen[who] = int(n)
    return True


def case_heartbeats(front, back):
    beats = {"HEARTBEAT_IVL": 50, "HEARTBEAT_TIMEOUT": 1000, "HEARTBEAT_TTL": 1500}
    pub, sub = socket(zmq.PUB, front, **beats), subscriber(back, b"h", **beats)
    monitors = [monitor(s, zmq.EVENT_DISCONNECTED) for s in (pub, sub)]
    join(pub, sub)
    quiet = not any(m.poll(1250 if m is monitors[0] else 0) for m in monitors)
    pub.send_multipart([b"h", b"after"])
    return quiet, hear(sub, 1)


# These are about the forwarder only.


def only_reconnect(front, back):
    pub, sub = socket(zmq.PUB, front, RECONNECT_IVL=10), subscriber(back, b"r", RECONNECT_IVL=10)
    for i in range(3):
        join(pub, sub)
        pub.send(b"r%d" % i)
        assert sub.recv() == b"r%d" % i
        print("restart", flush=True)
        sys.stdin.readline()


def only_strangers(front, back):
    """Who must not get in sees that it was refused, and others are served."""

    def refused(kind, endpoint, **options):
        s = context.socket(kind)
        s.linger = 0
        for name, value in options.items():
            s.setsockopt(getattr(zmq, name), value)
        events = zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
        m = monitor(s, events | zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED)
        s.connect(endpoint)
        event = recv_monitor_message(m)["event"]
        assert event != zmq.EVENT_HANDSHAKE_SUCCEEDED, (kind, endpoint, event)
        s.disable_monitor()
        s.close()

    refused(zmq.SUB, front)
    refused(zmq.PUB, back)
    refused(zmq.REQ, front)
    refused(zmq.DEALER, back)
    refused(zmq.PUB, front, PLAIN_USERNAME=b"me", PLAIN_PASSWORD=b"secret")
    public, secret = zmq.curve_keypair()
    refused(zmq.SUB, back, CURVE_SERVERKEY=public, CURVE_PUBLICKEY=public, CURVE_SECRETKEY=secret)
    case_frames(front, back)


def only_crowd(front, back):
    """A thousand connections."""
    context.max_sockets = 2000
    subs = [subscriber(back, b"c") for _ in range(900)]
    pubs = [socket(zmq.PUB, front) for _ in range(100)]
    one = subscriber(back, b"join")
    left = set(range(100))
    while left:
        for i in left:
            pubs[i].send(b"join %d" % i)
        while one.poll(20):
            left.discard(int(one.recv().split()[1]))
    join(pubs[0], *subs)
    for i, p in enumerate(pubs):
        p.send(b"c%d" % i)
    want = {b"c%d" % i for i in range(100)}
    for s in subs:
        assert {s.recv() for _ in range(100)} == want


def proxy():
    """libzmq's own device; the endpoints of its front and back."""
    a, b = context.socket(zmq.XSUB), context.socket(zmq.XPUB)
    ports = [s.bind_to_random_port("tcp://127.0.0.1") for s in (a, b)]

    def run():
        try:
            zmq.proxy(a, b)
        except zmq.ContextTerminated:
            pass

    threading.Thread(target=run, daemon=True).start()
    return ["tcp://127.0.0.1:%d" % p for p in ports]


def main():
    name, front, back = sys.argv[1:4]
    if "only_" + name in globals():
        globals()["only_" + name](front, back)
    else:
        case = globals()["case_" + name]
        ours, theirs = case(front, back), case(*proxy())
        assert ours == theirs, "ours %.500r\ntheirs %.500r" % (ours, theirs)
    print("ok", flush=True)
    os._exit(0)  # the proxy's sockets would keep the context alive


main()
