"""A libzmq peer for the tests: peer.py forwarder|observer|publisher ...

Says what it has to say in lines of JSON, and ends when its standard input does.
ZMQTEST_SECURITY, a JSON object, makes it speak CURVE or PLAIN.
"""
import itertools
import json
import os
import select
import sys
import threading

import zmq

PROBE = b"zmqtest.probe"
SECURITY = json.loads(os.environ.get("ZMQTEST_SECURITY", "{}"))


def serve(ctx, *sockets):
    """Lets in who is known."""
    if not SECURITY:
        return
    from zmq.auth.thread import ThreadAuthenticator

    class Keys:
        def callback(self, domain, key):
            return key.decode() in SECURITY["clients"]

    global auth  # it ends when it is forgotten
    auth = ThreadAuthenticator(ctx)
    auth.start()
    auth.configure_plain(domain="test", passwords={SECURITY["user"]: SECURITY["password"]})
    auth.configure_curve_callback(domain="test", credentials_provider=Keys())
    for s in sockets:
        s.zap_domain = b"test"
        if SECURITY["mechanism"] == "PLAIN":
            s.plain_server = True
        else:
            s.curve_server = True
            s.curve_publickey = SECURITY["server_key"].encode()
            s.curve_secretkey = SECURITY["server_secret"].encode()


def join(s):
    """Proves who we are."""
    if not SECURITY:
        return s
    if SECURITY["mechanism"] == "PLAIN":
        s.plain_username = SECURITY["user"].encode()
        s.plain_password = SECURITY["password"].encode()
    else:
        s.curve_serverkey = SECURITY["server_key"].encode()
        s.curve_publickey = SECURITY["key"].encode()
        s.curve_secretkey = SECURITY["secret"].encode()
    return s


def say(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def end_with_stdin():
    while os.read(0, 4096):
        pass
    os._exit(0)


def forwarder(style, front, back, heartbeat, staged):
    """device: as the original's; proxy: passes subscriptions through.

    staged: publishers can connect only once there was a line of input.
    """
    ctx = zmq.Context()
    source = ctx.socket(zmq.SUB if style == "device" else zmq.XSUB)
    sink = ctx.socket(zmq.PUB if style == "device" else zmq.XPUB)
    serve(ctx, source, sink)
    for s in (source, sink):
        s.linger = 0
        s.set_hwm(0)  # what a test sends arrives
        if int(heartbeat):
            s.heartbeat_ivl = int(heartbeat)
            s.heartbeat_timeout = 5 * int(heartbeat)
    if style == "device":
        source.subscribe(b"")
    sink.bind(back)
    if staged == "staged":
        say("half")
        while not select.select([sys.stdin], [], [], 0.02)[0]:
            sink.send(PROBE)
        sys.stdin.readline()
    source.bind(front)
    say([source.getsockopt_string(zmq.LAST_ENDPOINT), sink.getsockopt_string(zmq.LAST_ENDPOINT)])
    threading.Thread(target=end_with_stdin, daemon=True).start()
    zmq.proxy(source, sink)


def observer(front, back, *topics):
    """Says what it hears, once it hears for sure: a handshake is not enough, the
    forwarder may act on the subscriptions behind it when the first message is gone.
    Without back the forwarder is staged, and lets itself be heard."""
    ctx = zmq.Context()
    s = join(ctx.socket(zmq.SUB))
    s.rcvhwm = 0
    for t in topics or [""]:
        s.subscribe(t.encode())
    s.subscribe(PROBE)  # the last: who hears it hears the others
    s.connect(front)
    if back:
        hear_ourselves(ctx, s, back)
    else:
        s.recv()
    say("connected")
    threading.Thread(target=end_with_stdin, daemon=True).start()
    while True:
        frames = s.recv_multipart()
        if not frames[0].startswith(PROBE):
            say([f.decode("utf-8", "replace") for f in frames])


def hear_ourselves(ctx, s, back):
    p = join(ctx.socket(zmq.XPUB))
    p.linger = 0
    p.connect(back)
    p.recv()
    last = b""
    for n in itertools.count():
        last = PROBE + b" %d" % n
        p.send(last)
        if s.poll(100):
            break
    while s.recv() != last:  # none of ours is left for others to hear
        pass
    p.close()


def publisher(endpoint):
    """Sends each line of its input, a JSON list of frames; "" sends nothing."""
    ctx = zmq.Context()
    s = join(ctx.socket(zmq.XPUB))  # as PUB, but tells of subscriptions
    s.sndhwm = 0
    s.linger = 2000
    s.connect(endpoint)
    s.recv()
    say("connected")
    for line in sys.stdin:
        s.send_multipart([f.encode() for f in json.loads(line)])
        say("sent")
    s.close()
    ctx.term()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
