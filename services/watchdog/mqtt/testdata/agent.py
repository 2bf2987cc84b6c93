"""An agent of the watchdog over MQTT: python3 agent.py HOST PORT NAME

It onboards, pings each second, answers commands, and has a last will at the broker.
Needs paho-mqtt 1.6 (Debian: python3-paho-mqtt) and nothing of ours.
"""
import json, os, socket, sys, uuid
from datetime import datetime, timezone
from queue import Empty, Queue
from paho.mqtt import client as mqtt

HOST, PORT, NAME = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def now():
    return datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def connect(topic, will=None):
    """A connection, and a queue of what arrives on the topic."""
    heard, subscribed = Queue(), Queue()
    c = mqtt.Client(client_id="agent-" + uuid.uuid4().hex[:12])
    c.on_connect = lambda c, *_: c.subscribe(topic, qos=1)
    c.on_subscribe = lambda *_: subscribed.put(True)
    c.on_message = lambda c, u, m: heard.put((m.topic, json.loads(m.payload)))
    if will:
        c.will_set("hippodamia/state/end", json.dumps(will), qos=1)
    c.connect(HOST, PORT, keepalive=5)
    c.loop_start()
    subscribed.get(timeout=30)
    return c, heard


def onboard(me, gid):
    """Asks on contact, and waits for the response on a topic of its own."""
    own = "hippodamia/uuid/" + me
    c, heard = connect(own)
    request = {"uuid": me, "topic": own, "type": "python", "name": NAME, "host": socket.gethostname(),
               "config_id": "paho/" + NAME, "version": "1.6", "pid": os.getpid(), "timestamp": now()}
    if gid:
        request["gid"] = gid
    while True:
        c.publish("hippodamia/contact", json.dumps(request), qos=1)
        try:
            _, response = heard.get(timeout=2)
            break
        except Empty:
            request["timestamp"] = now()  # the watchdog may not have been there
    c.disconnect()
    c.loop_stop()
    return response["gid"]


def serve(me, gid):
    """Pings and answers until it is told to onboard anew."""
    seq = 0

    def head(**more):
        nonlocal seq
        seq += 1
        return dict(gid=gid, uuid=me, seq=seq, timestamp=now(), **more)

    c, heard = connect("hippodamia/command/+", will=dict(head(), reason="last-will"))
    say = lambda kind, **more: c.publish("hippodamia/state/" + kind, json.dumps(head(**more)), qos=1)
    say("ping")
    while True:
        try:
            topic, command = heard.get(timeout=1)
        except Empty:
            say("ping")
            continue
        if command.get("gid") not in (None, gid):
            continue
        kind = topic.rsplit("/", 1)[1]
        print("command", kind, flush=True)
        if kind == "ping":
            say("ping")
        elif kind == "runtime":
            say("runtime", runtime={"pid": os.getpid(), "uptime_s": 1.0})
        elif kind == "config":
            say("config", config={"host": HOST})
        elif kind == "onboarding":
            c.disconnect()
            c.loop_stop()
            return


gid = None
while True:
    me = str(uuid.uuid4())
    gid = onboard(me, gid)
    print("gid", gid, flush=True)
    serve(me, gid)
