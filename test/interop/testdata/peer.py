"""A peer of the bus on real libzmq: a SUB and a PUB as everybody has them.

    peer.py FRONTEND BACKEND [TOPIC...]

It says {"ready": true} when its subscriptions are in force, then one line of
JSON for each message. A line of JSON on its standard input is sent as it is
({"send": text}, or {"hex": bytes}). It ends with its standard input.
"""

import json
import os
import sys
import time

import zmq

HAIL = "interop."


def canonical(raw):
    """Whether a frame has the bytes that the original's json.dumps made."""
    topic, separator, payload = raw.partition(" @@@ ")
    if not separator:
        return False
    again = json.dumps(json.loads(payload), sort_keys=True, indent=4, separators=(",", ": "))
    return raw == topic + separator + again


def say(**words):
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def report(frames):
    if frames[0].startswith(HAIL.encode()):
        return
    try:
        raw = frames[0].decode("utf-8")
    except UnicodeDecodeError:
        say(at=time.time(), frames=len(frames), hex=frames[0].hex())
        return
    try:
        exact = canonical(raw)
    except (ValueError, RecursionError):
        exact = False
    say(at=time.time(), frames=len(frames), raw=raw, canonical=exact)


def join(sub, pub):
    """Hails until it hears itself: nothing is missed from then on."""
    hail = "{}{} @@@ {{}}".format(HAIL, os.getpid())
    sub.setsockopt_string(zmq.SUBSCRIBE, HAIL)
    while True:
        pub.send_string(hail)
        while sub.poll(20):
            if sub.recv_multipart()[0] == hail.encode():
                return


def main(frontend, backend, topics):
    context = zmq.Context()
    sub = context.socket(zmq.SUB)
    sub.setsockopt(zmq.RCVHWM, 0)
    sub.connect(frontend)
    for topic in topics or [""]:
        sub.setsockopt_string(zmq.SUBSCRIBE, topic)
    pub = context.socket(zmq.PUB)
    pub.connect(backend)
    join(sub, pub)
    say(ready=True)

    poller = zmq.Poller()
    poller.register(sub, zmq.POLLIN)
    poller.register(sys.stdin.fileno(), zmq.POLLIN)
    orders = b""
    while True:
        ready = dict(poller.poll())
        if sub in ready:
            report(sub.recv_multipart())
        if sys.stdin.fileno() in ready:
            chunk = os.read(sys.stdin.fileno(), 1 << 16)
            if not chunk:
                break
            orders += chunk
            *lines, orders = orders.split(b"\n")
            for line in lines:
                order = json.loads(line)
                pub.send(bytes.fromhex(order["hex"]) if "hex" in order else order["send"].encode())
    pub.close(linger=1000)
    sub.close(linger=0)
    context.term()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
