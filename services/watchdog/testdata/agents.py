"""Agents of libzmq: so many in one process, each with a uuid of its own.

    agents.py FRONTEND BACKEND COUNT PREFIX

Prints {"gid", "uuid", "name"} for each that was onboarded, {"command", "gid"} for each command
that they heard. A line "ping", "end" or "garbage" on stdin makes all of them say that; the end of
stdin is theirs.
"""
import json
import sys
import threading
import uuid
from datetime import datetime, timezone

import zmq

frontend, backend, count, prefix = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
context = zmq.Context()
sub, pub = context.socket(zmq.SUB), context.socket(zmq.PUB)
sub.connect(frontend)
pub.connect(backend)
words = context.socket(zmq.PAIR)
words.bind("inproc://words")


def listen():
    """Turn lines of stdin into messages, as a socket belongs to one thread."""
    out = context.socket(zmq.PAIR)
    out.connect("inproc://words")
    for line in sys.stdin:
        out.send_string(line.strip())
    out.send_string("leave")
    out.close()


def say(topic, /, **message):
    message["timestamp"] = datetime.now(timezone.utc).isoformat()
    pub.send_string("%s @@@ %s" % (topic, json.dumps(message)))


def tell(**what):
    print(json.dumps(what), flush=True)


class Agent:
    def __init__(self, n):
        self.name, self.uuid, self.gid, self.seq = "%s%d" % (prefix, n), str(uuid.uuid4()), None, 0
        self.topic = "hippodamia.uuid." + self.uuid

    def contact(self):
        sub.subscribe(self.topic.encode())
        say("hippodamia.contact", uuid=self.uuid, topic=self.topic, type="python", name=self.name, host="edge7",
            config_id="plant/" + self.name, version="1.0", pid=4711)

    def state(self, kind, **more):
        self.seq += 1
        say("hippodamia.state." + kind, gid=self.gid, uuid=self.uuid, seq=self.seq, **more)


agents = {a.topic: a for a in map(Agent, range(count))}
sub.subscribe(b"hippodamia.command.")
sub.subscribe(b"hello")
while not sub.poll(50):  # joined when we hear ourselves
    pub.send(b"hello @@@ {}")
for a in agents.values():
    a.contact()
threading.Thread(target=listen, daemon=True).start()

poller = zmq.Poller()
poller.register(sub, zmq.POLLIN)
poller.register(words, zmq.POLLIN)
while True:
    ready = dict(poller.poll(2000))
    if not ready:  # no watchdog has answered
        for a in agents.values():
            if a.gid is None:
                a.contact()
    if sub in ready:
        topic, _, payload = sub.recv_string().partition(" @@@ ")
        message = json.loads(payload)
        if topic in agents and agents[topic].gid is None:
            a = agents[topic]
            sub.unsubscribe(topic.encode())
            a.gid = message["gid"]
            tell(gid=a.gid, uuid=a.uuid, name=a.name)
            a.state("ping")
        elif topic.startswith("hippodamia.command."):
            kind = topic.rsplit(".", 1)[1]
            tell(command=kind, gid=message.get("gid"))
            for a in agents.values():
                if a.gid and message.get("gid") in (None, a.gid):
                    if kind == "ping":
                        a.state("ping")
                    elif kind == "runtime":
                        a.state("runtime", runtime={"pid": 4711, "uptime_s": 1.5})
                    elif kind == "config":
                        a.state("config", config={"every": "1s"})
    if words in ready:
        word = words.recv_string()
        if word == "leave":
            break
        for a in agents.values():
            if word == "ping":
                a.state("ping")
            elif word == "end":
                a.state("end", reason="stopped")
            elif word == "garbage":
                pub.send(b"hippodamia.state.ping @@@ {\"gid\": \xff\x00")
context.destroy(linger=2000)
