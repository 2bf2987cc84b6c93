"""A libzmq peer for the tests: peer.py forwarder|observer|publisher ...

Says what it has to say in lines of JSON, and ends when its standard input does.
"""
import json
import os
import sys
import threading

import zmq


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
        sys.stdin.readline()
    source.bind(front)
    say([source.getsockopt_string(zmq.LAST_ENDPOINT), sink.getsockopt_string(zmq.LAST_ENDPOINT)])
    threading.Thread(target=end_with_stdin, daemon=True).start()
    zmq.proxy(source, sink)


def observer(endpoint, *topics):
    ctx = zmq.Context()
    s = ctx.socket(zmq.SUB)
    s.rcvhwm = 0
    monitor = s.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
    for t in topics or [""]:
        s.subscribe(t.encode())
    s.connect(endpoint)
    monitor.recv_multipart()
    s.disable_monitor()
    say("connected")
    threading.Thread(target=end_with_stdin, daemon=True).start()
    while True:
        say([f.decode("utf-8", "replace") for f in s.recv_multipart()])


def publisher(endpoint):
    """Sends each line of its input, a JSON list of frames; "" sends nothing."""
    ctx = zmq.Context()
    s = ctx.socket(zmq.XPUB)  # as PUB, but tells of subscriptions
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
