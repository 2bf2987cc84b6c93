"""A client of another user: FRONTEND BACKEND.

Publishes the strings that come as lines of JSON, and says what it hears in
lines of JSON. Ends with its input.
"""
import json
import os
import sys
import threading

import zmq

frontend, backend = sys.argv[1:]
ctx = zmq.Context()
sub = ctx.socket(zmq.SUB)
sub.rcvhwm = 0
sub.connect(frontend)
sub.subscribe(b"")
pub = ctx.socket(zmq.XPUB)  # as PUB, but tells when it was subscribed to
pub.sndhwm = 0
pub.linger = 0
pub.connect(backend)
pub.recv()

while True:  # until the other direction works too
    pub.send(b"stranger.hail @@@ {}")
    if sub.poll(10):
        break
while sub.poll(100):
    sub.recv()


def hear():
    while True:
        text = sub.recv().decode("utf-8", "replace")
        if not text.startswith("stranger.hail"):
            sys.stdout.write(json.dumps(text) + "\n")
            sys.stdout.flush()


sys.stdout.write(json.dumps("joined") + "\n")
sys.stdout.flush()
threading.Thread(target=hear, daemon=True).start()
for line in sys.stdin:
    pub.send(json.loads(line).encode("utf-8"))
os._exit(0)
