"""A peer of a bus that asks for keys, on real libzmq: a SUB and an XPUB.

    peer.py FRONTEND BACKEND SECURITY

SECURITY is a certificate's file for CURVE, USER:PASSWORD for PLAIN, or "null".
It says one line of JSON for each thing that happens: {"event": "sub joined"},
"refused" and "left", the same for "pub", "pub ready" when it was subscribed to,
and {"frames": [text...]} for each message. A line of JSON on its standard input,
a list of frames, is sent. It ends with its standard input.
"""

import json
import os
import re
import sys

import zmq
import zmq.auth
from zmq.utils.monitor import recv_monitor_message

EVENTS = {
    zmq.EVENT_HANDSHAKE_SUCCEEDED: "joined",
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: "refused",
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "refused",
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: "refused",
    zmq.EVENT_DISCONNECTED: "left",
}


def say(**words):
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def secure(socket, security):
    if security == "null":
        return
    if not os.path.exists(security):
        user, _, password = security.partition(":")
        socket.plain_username, socket.plain_password = user.encode(), password.encode()
        return
    socket.curve_publickey, socket.curve_secretkey = zmq.auth.load_certificate(security)
    with open(security) as file:
        socket.curve_serverkey = re.search(r'server-key = "(.*)"', file.read()).group(1).encode()


def monitored(context, kind, endpoint, security):
    s = context.socket(kind)
    s.linger = 0
    s.reconnect_ivl = 50
    secure(s, security)
    watcher = "inproc://" + os.urandom(8).hex()
    s.monitor(watcher, sum(EVENTS))
    m = context.socket(zmq.PAIR)
    m.connect(watcher)
    if kind == zmq.SUB:
        s.subscribe(b"")
    else:
        s.xpub_verbose = 1  # of a connection that comes again, too
    s.connect(endpoint)
    return s, m


def main(frontend, backend, security):
    context = zmq.Context()
    sub, sub_events = monitored(context, zmq.SUB, frontend, security)
    pub, pub_events = monitored(context, zmq.XPUB, backend, security)
    poller = zmq.Poller()
    for s in (sub, pub, sub_events, pub_events, sys.stdin.fileno()):
        poller.register(s, zmq.POLLIN)
    orders = b""
    while True:
        ready = dict(poller.poll())
        for name, events in (("sub", sub_events), ("pub", pub_events)):
            if events in ready:
                say(event=name + " " + EVENTS[recv_monitor_message(events)["event"]])
        if pub in ready and pub.recv()[:1] == b"\x01":
            say(event="pub ready")
        if sub in ready:
            say(frames=[f.decode("utf-8", "replace") for f in sub.recv_multipart()])
        if sys.stdin.fileno() in ready:
            chunk = os.read(sys.stdin.fileno(), 1 << 16)
            if not chunk:
                break
            orders += chunk
            *lines, orders = orders.split(b"\n")
            for line in lines:
                pub.send_multipart([f.encode() for f in json.loads(line)])
    for s in (sub_events, pub_events):
        s.close(linger=0)
    for s in (sub, pub):
        s.disable_monitor()
        s.close()
    context.term()


if __name__ == "__main__":
    main(*sys.argv[1:])
