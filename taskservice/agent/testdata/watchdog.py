"""A watchdog in a page: onboards agents, prints what it hears, sends commands.

watchdog.py FRONTEND BACKEND; then a line of input is a command, "ping", "runtime",
"config", "onboarding", with a gid or without. What is heard is printed as lines of
JSON, [topic, payload]; "deaf" and "awake" stop and start the answering of requests.
"""
import json
import os
import sys
import uuid
from datetime import datetime, timezone

import zmq

PREFIX = "hippodamia."


def now():
    return datetime.now(timezone.utc).isoformat()


def gid(request):
    """UUID v5 of the identity, its four parts joined as netstrings."""
    parts = [request.get(k, "") for k in ("type", "name", "host", "config_id")]
    text = "".join("%d:%s," % (len(p.encode()), p) for p in parts)
    return str(uuid.uuid5(uuid.uuid5(uuid.UUID(int=0), "hippodamia"), text))


def say(topic, message):
    pub.send((topic + " @@@ " + json.dumps(message)).encode())


def hear(topic, message):
    print(json.dumps([topic, message]), flush=True)
    if topic == PREFIX + "contact" and awake:
        answer = {"uuid": message["uuid"], "gid": gid(message), "timestamp": now()}
        say(message["topic"], answer)


context = zmq.Context()
sub, pub = context.socket(zmq.SUB), context.socket(zmq.XPUB)
sub.linger = pub.linger = 0
for topic in ("contact", "state."):
    sub.subscribe(PREFIX + topic)
sub.subscribe("zms.will")
sub.connect(sys.argv[1])
pub.connect(sys.argv[2])
pub.recv()  # the forwarder has subscribed: we are heard
awake = True
# We hear once what we say to ourselves comes back.
while not sub.poll(50):
    say(PREFIX + "state.probe", {})
print(json.dumps(["ready", None]), flush=True)

poller = zmq.Poller()
poller.register(sub, zmq.POLLIN)
poller.register(sys.stdin, zmq.POLLIN)
pending = b""
while True:
    events = dict(poller.poll())
    while sub.poll(0):
        topic, _, payload = sub.recv().decode().partition("@@@")
        if topic.strip() != PREFIX + "state.probe":
            hear(topic.strip(), json.loads(payload))
    while pub.poll(0):
        pub.recv()
    if sys.stdin.fileno() in events:
        data = os.read(sys.stdin.fileno(), 4096)
        if not data:
            sys.exit()
        *lines, pending = (pending + data).split(b"\n")
        for words in (line.decode().split() for line in lines):
            if words[0] in ("deaf", "awake"):
                awake = words[0] == "awake"
                continue
            command = {"request_id": str(uuid.uuid4()), "timestamp": now()}
            if len(words) > 1:
                command["gid"] = words[1]
            say(PREFIX + "command." + words[0], command)
