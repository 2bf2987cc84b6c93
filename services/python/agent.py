"""An agent in a page: has itself onboarded by a watchdog, pings, obeys, says goodbye.

agent.py FRONTEND BACKEND TYPE NAME; it needs pyzmq alone and ends with SIGINT.
"""
import itertools
import json
import os
import socket
import sys
import time
import uuid
from datetime import datetime, timezone

import zmq

PREFIX, PING_SECONDS, RETRY_SECONDS = "hippodamia.", 60.0, 2.0
HOST, BORN = socket.gethostname(), time.monotonic()
frontend, backend, kind, name = sys.argv[1:5]
gid, me, topic, seq, due = None, None, None, itertools.count(1), 0.0
sub, pub = zmq.Context.instance().socket(zmq.SUB), zmq.Context.instance().socket(zmq.PUB)
sub.connect(frontend)
pub.connect(backend)
sub.subscribe(PREFIX + "command.")


def say(where, **message):
    message["timestamp"] = datetime.now(timezone.utc).isoformat()
    pub.send_string(PREFIX + where + " @@@ " + json.dumps(message))


def state(what, **more):
    say("state." + what, gid=gid, uuid=me, seq=next(seq), **more)


def begin():  # uninitialized: a new uuid, and a topic of our own
    global me, topic, seq, due
    me, seq, due = str(uuid.uuid4()), itertools.count(1), 0.0
    topic = PREFIX + "uuid." + me
    sub.subscribe(topic)


begin()
try:
    while True:
        if time.monotonic() >= due:
            due = time.monotonic() + (RETRY_SECONDS if topic else PING_SECONDS)
            if topic:  # onboarding: ask until it is answered
                say("contact", uuid=me, topic=topic, type=kind, name=name, host=HOST,
                    config_id="by hand", version="1", pid=os.getpid(), **({"gid": gid} if gid else {}))
            else:
                state("ping")
        if not sub.poll(max(0, int(1000 * (due - time.monotonic())) + 1)):
            continue
        heard, _, text = sub.recv().decode(errors="replace").partition(" @@@ ")
        try:
            message, what = dict(json.loads(text)), heard[len(PREFIX + "command."):]
        except (TypeError, ValueError):
            continue  # malformed: anybody can say anything
        if heard == topic and "gid" in message:  # active: the regular topics from now on
            sub.unsubscribe(topic)
            gid, topic, due = message["gid"], None, 0.0
        elif topic:
            due = 0.0  # somebody commands, so somebody is there: ask at once
        elif message.get("gid", gid) == gid and what == "onboarding":
            begin()
        elif message.get("gid", gid) == gid and what in ("ping", "runtime", "config"):
            more = {"runtime": {"pid": os.getpid(), "uptime_s": time.monotonic() - BORN}, "config": {}}
            state(what, **{k: v for k, v in more.items() if k == what})
except KeyboardInterrupt:
    if gid and not topic:
        state("end", reason="stopped")
