"""Runs a generated Python service against real ZeroMQ sockets.

Usage: on_the_bus.py LOOPED_DIR SINGLE_DIR, the directories as Files made them.
The forwarder is libzmq's own: SUB and PUB, bound, as the original had it.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

import zmq

LOOPED, SINGLE = sys.argv[1:3]
NAME, SERVICE, TASK, TRANSACTION = "EchoAction", "echo_action", "ts001", "6FDAHH3WPRVV7FGZCRIN"
WAIT_MS = 20000  # of a test that fails; one that passes does not wait


class Forwarder:
    """Everything that arrives at backend leaves at frontend."""

    def __init__(self, frontend, backend, returning=()):
        """Lets publishers in when the service and the returning are back.

        A socket subscribes anew only when its thread looks at it.
        """
        self.context = zmq.Context()
        self.outward = self.context.socket(zmq.XPUB)
        self.outward.xpub_verbose = True
        self.outward.bind(frontend)
        back = 0 if returning else -1
        while 0 <= back <= len(returning):
            for socket in returning:
                socket.poll(10)
            # The agent of a service has more subscriptions, before or behind.
            if self.outward.poll(10) and self.outward.recv() in (b"\x01", b"\x01process"):
                back += 1
        self.inward = self.context.socket(zmq.SUB)
        self.inward.subscribe("")
        self.inward.bind(backend)
        self.thread = threading.Thread(target=self.forward)
        self.thread.start()

    def forward(self):
        try:
            while True:
                self.outward.send_multipart(self.inward.recv_multipart())
        except zmq.ContextTerminated:
            self.inward.close(0)
            self.outward.close(0)

    def close(self):
        self.context.term()
        self.thread.join()


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.dir)
        self.frontend = "ipc://%s/front" % self.dir
        self.backend = "ipc://%s/back" % self.dir
        self.forwarder = Forwarder(self.frontend, self.backend)
        self.context = zmq.Context()
        self.sub = self.context.socket(zmq.SUB)
        self.pub = self.context.socket(zmq.XPUB)
        monitor = self.sub.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self.sub.subscribe("")
        self.sub.connect(self.frontend)
        self.assertTrue(monitor.poll(WAIT_MS))
        self.sub.disable_monitor()
        monitor.close()
        self.pub.connect(self.backend)
        self.assertTrue(self.pub.poll(WAIT_MS))
        self.hear_ourselves()
        self.child = None

    def hear_ourselves(self):
        """Speaks until it hears itself: the subscription is there for sure."""
        while not self.sub.poll(20):
            self.pub.send(b"noise @@@ {}")
        while self.sub.poll(50):
            self.sub.recv()

    def tearDown(self):
        if self.child and self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.sub.close(0)
        self.pub.close(0)
        self.context.term()
        self.forwarder.close()

    def start(self, directory, state="on_start", task=None, **changes):
        if task is not None:
            copy = os.path.join(self.dir, NAME)
            shutil.copytree(directory, copy)
            with open(os.path.join(copy, NAME + ".py"), "w") as f:
                f.write(task)
            directory = copy
        self.child = subprocess.Popen(
            [os.path.join(directory, "main.py")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(
                os.environ,
                ZMS_TASK="%s/%s/1" % (TRANSACTION, TASK),
                ZMS_SERVICE_ID=TASK,
                ZMS_TRANSACTION=TRANSACTION,
                ZMS_CONTEXT_ID="context001",
                ZMS_FRONTEND=self.frontend,
                ZMS_BACKEND=self.backend,
                ZMS_CONFIG=json.dumps(self.task("start", state, **changes)),
                ZMS_STATE_DIR=self.dir,
            ),
        )

    def task(self, action, state="on_start", **changes):
        header = dict(
            dict(action=action, service_id=TASK, service_name=SERVICE, transaction=TRANSACTION),
            **changes
        )
        nothing = {"action": "", "call": ""}
        return {
            "id": TASK,
            "instance": NAME,
            "serviceType": "Process",
            "topic": "process",
            "Task": {
                "description": "",
                "message": {
                    "header": header,
                    "content": {"configuration": {"device_action": "shout", "location": "/x"}},
                },
                "state": {
                    "type": state,
                    "on_start": nothing,
                    "on_update": nothing,
                    "on_fail": nothing,
                    "on_exit": nothing,
                },
            },
        }

    def send(self, action, **changes):
        self.pub.send(("process @@@ " + json.dumps(self.task(action, **changes))).encode())

    def control(self):
        """The next control message: action and status."""
        while True:
            self.assertTrue(self.sub.poll(WAIT_MS), "nothing on the bus")
            topic, _, text = self.sub.recv().decode("utf-8", "replace").partition(" @@@ ")
            if topic == "control":
                break
        message = json.loads(text)
        canonical = json.dumps(message, sort_keys=True, indent=4, separators=(",", ": "))
        self.assertEqual(text, canonical.replace("@@@", "@@\\u0040"))
        header, status = message["header"], message["content"]["status"]
        self.request = header.pop("request_id", None)
        self.assertEqual(
            header,
            {
                "action": header["action"],
                "service_id": TASK,
                "service_name": SERVICE,
                "service_transaction": TRANSACTION,
            },
        )
        self.assertEqual(status["device_action"], "shout")
        return header["action"], status

    def expect(self, action, result="success", **items):
        got, status = self.control()
        self.assertEqual((got, status["result"]), (action, result), status)
        for name, value in items.items():
            self.assertEqual(status.get(name), value)
        return status

    def expect_exit(self, code):
        self.assertEqual(self.child.wait(WAIT_MS / 1000), code)
        while self.sub.poll(100):
            frame = self.sub.recv()
            self.assertFalse(frame.startswith(b"control"), frame)


class OnTheBus(Case):
    def test_stops_when_told_on_the_bus(self):
        self.start(LOOPED)
        self.expect("started", pid=self.child.pid)
        self.send("stop")
        self.expect("stopped", pid=self.child.pid)
        self.expect_exit(0)

    def test_stops_at_sigterm(self):
        self.start(LOOPED)
        self.expect("started")
        self.child.send_signal(signal.SIGTERM)
        self.expect("stopped", pid=self.child.pid)
        self.expect_exit(0)

    def test_stops_once_when_told_twice(self):
        self.start(LOOPED)
        self.expect("started")
        self.send("stop")
        self.send("stop", service_name="all")
        self.child.send_signal(signal.SIGTERM)
        self.expect("stopped")
        self.expect_exit(0)

    def test_single_is_started_then_stopped(self):
        for _ in range(5):
            self.start(SINGLE)
            self.expect("started", pid=self.child.pid)
            self.expect("stopped", pid=self.child.pid)
            self.expect_exit(0)

    def test_created_waits_for_its_start(self):
        self.start(LOOPED, state="on_update")
        self.expect("created", pid=self.child.pid)
        self.send("start", state="on_update")  # the greeting of a newborn
        self.send("start", state="start_now")
        self.expect("started", pid=self.child.pid)
        self.send("start")  # is running already
        self.send("stop")
        self.expect("stopped")
        self.expect_exit(0)

    def test_the_id_of_a_request_comes_back(self):
        self.start(LOOPED, request_id="r1")
        self.expect("started")
        self.assertEqual(self.request, "r1")
        self.send("stop", request_id="r2")
        self.expect("stopped")
        self.assertEqual(self.request, "r2")
        self.expect_exit(0)

    def test_an_operators_start_needs_no_state(self):
        self.start(LOOPED, state="on_update")
        self.expect("created")
        command = self.task("start")
        self.pub.send(("process@@@" + json.dumps({"Task": {"message": command["Task"]["message"]}})).encode())
        self.expect("started")
        self.assertIsNone(self.request)
        self.send("stop")
        self.expect("stopped")
        self.expect_exit(0)

    def test_created_can_be_stopped(self):
        self.start(LOOPED, state="on_exit")
        self.expect("created")
        self.child.send_signal(signal.SIGTERM)
        self.expect("stopped")
        self.expect_exit(0)

    def test_an_exception_is_a_failure(self):
        self.start(
            SINGLE,
            task="""
class EchoShouting:
    def __init__(self, **configuration): pass
    def run(self, session):
        session.notify("updated", "success", {"at": "@@@"})
        raise ValueError("too hot")
""",
        )
        self.expect("started")
        self.expect("updated", at="@@@")
        self.expect("failed", "failure", reason="ValueError: too hot", pid=self.child.pid)
        self.expect_exit(1)

    def test_a_task_that_cannot_be_made_is_a_failed_start(self):
        self.start(
            SINGLE,
            task="""
class EchoShouting:
    def __init__(self, device_action, location): raise KeyError("interface")
    def run(self, session): pass
""",
        )
        self.expect("started", "failure", reason="KeyError: 'interface'")
        self.expect_exit(1)

    def test_other_peoples_commands_and_garbage_change_nothing(self):
        self.start(LOOPED)
        self.expect("started")
        self.send("stop", service_id="ts002")
        self.send("stop", transaction="ANOTHER")
        self.send("stop", service_name="another_action")
        self.send("restart")
        for garbage in (b"process", b"process @@@", b"process @@@ null", b"process @@@ \xff", b"process @@@ [1]",
                        b'process @@@ {"Task": 1}', b'process @@@ {"Task": {"message": {"header": []}}}'):
            self.pub.send(garbage)
        self.send("stop")
        self.expect("stopped")
        self.expect_exit(0)

    def test_repeats_its_state_when_the_bus_is_back(self):
        self.start(LOOPED)
        self.expect("started")
        self.forwarder.close()
        self.forwarder = Forwarder(self.frontend, self.backend, returning=[self.sub])
        self.expect("started", pid=self.child.pid)
        self.hear_ourselves()
        self.send("stop")
        self.expect("stopped")
        self.expect_exit(0)

    def test_another_name_in_the_context_file_is_a_failed_start(self):
        with open(os.path.join(SINGLE, "ServiceEchoAction.py")) as f:
            self.assertIn('SERVICE_NAME = "echo_action"', f.read())
        self.start(SINGLE, service_name="echo_reaction")
        reason = self.expect("started", "failure")["reason"]
        self.assertIn("'echo_reaction'", reason)
        self.expect_exit(1)

    def test_a_task_that_does_not_return_is_given_up_without_a_word(self):
        self.start(
            LOOPED,
            task="""
import threading
import ServiceEchoAction
ServiceEchoAction.STOP_SECONDS = 0.2
class EchoShouting:
    def __init__(self, **configuration): pass
    def run(self, session): threading.Event().wait()
""",
        )
        self.expect("started")
        self.send("stop")
        self.expect_exit(1)

    def test_by_hand_it_says_what_it_misses(self):
        done = subprocess.run([os.path.join(LOOPED, "main.py")], env={"ZMS_SERVICE_ID": TASK}, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"Missing: ZMS_TRANSACTION, ZMS_FRONTEND, ZMS_BACKEND, ZMS_CONFIG", done.stderr)

    def test_hears_other_services_when_it_asks(self):
        self.start(
            LOOPED,
            task="""
class EchoShouting:
    topics = ("control",)
    def __init__(self, **configuration): pass
    def run(self, session):
        while not session.stopping():
            heard = session.receive(0.1)
            if heard and heard[1]["header"]["action"] == "failed":
                session.notify("updated", "success", {"heard": heard[1]["header"]["service_id"]})
""",
        )
        self.expect("started")
        self.pub.send(b'control @@@ {"header": {"action": "failed", "service_id": "ts009"}}')
        while True:
            self.assertTrue(self.sub.poll(WAIT_MS))
            topic, _, text = self.sub.recv().decode().partition(" @@@ ")
            message = json.loads(text)
            if topic == "control" and message["header"]["action"] == "updated":
                break
        self.assertEqual(message["content"]["status"]["heard"], "ts009")
        self.send("stop")
        self.expect("stopped")
        self.expect_exit(0)


class Watched(Case):
    """Nobody has written a line for it: a service has an agent, and says events."""

    def start(self, directory, interval="0.1s", **more):
        os.environ.update(ZMS_PING_INTERVAL=interval, ZMS_ALIVE_INTERVAL="200ms", ZMS_CONFIG_ID="context001/ts001#2")
        for name in ("ZMS_PING_INTERVAL", "ZMS_ALIVE_INTERVAL", "ZMS_CONFIG_ID"):
            self.addCleanup(os.environ.pop, name)
        super().start(directory, **more)

    def hear(self, *wanted):
        """The next message whose topic is, or begins with, one of these."""
        while True:
            self.assertTrue(self.sub.poll(WAIT_MS), "no %s on the bus" % (wanted,))
            topic, _, text = self.sub.recv().decode().partition(" @@@ ")
            if topic.startswith(wanted):
                return topic, json.loads(text)

    def say(self, topic, **message):
        message["timestamp"] = "2026-11-21T10:00:00Z"
        self.pub.send((topic + " @@@ " + json.dumps(message)).encode())

    def onboard(self, gid="g"):
        topic, request = self.hear("hippodamia.contact")
        self.say(request["topic"], uuid=request["uuid"], gid=gid)
        return request

    def test_a_life(self):
        self.start(
            LOOPED,
            task="""
import logging
class EchoShouting:
    def __init__(self, **configuration): pass
    def run(self, session):
        logging.warning("water is low, token=x")
        while not session.wait(1): pass
""",
        )
        topics = ("control", "choria", "hippodamia", "zms.will")
        self.assertEqual(self.hear(*topics)[0], "control")  # started is before all of it
        self.assertEqual(self.hear(*topics)[0], "choria.lifecycle.event.startup.EchoAction")
        request = self.onboard()
        self.assertEqual((request["type"], request["name"], request["config_id"]), (NAME, SERVICE, "context001/ts001#2"))
        self.assertNotIn("gid", request)
        self.assertEqual(self.hear("zms.will")[1]["payload"]["reason"], "last-will")
        for seq, what in enumerate(("ping", "runtime", "config"), 1):
            topic, state = self.hear("hippodamia.state")
            self.assertEqual((topic, state["seq"], state["uuid"]), ("hippodamia.state." + what, seq, request["uuid"]))
        self.hear("choria.lifecycle.event.provisioned.EchoAction")
        self.hear("choria.lifecycle.event.alive.EchoAction")
        self.hear("hippodamia.state.ping")
        self.say("hippodamia.command.runtime", request_id="r", gid="another")
        self.say("hippodamia.command.runtime", request_id="r", gid="g")
        runtime = self.hear("hippodamia.state.runtime")[1]["runtime"]
        self.assertEqual((runtime["pid"], runtime["state"]), (self.child.pid, "started"))
        self.assertEqual([line["message"] for line in runtime["log"]], ["water is low, token=***"])
        for name in ("rss", "fds", "threads", "uptime_s", "cpu_time_s"):
            self.assertGreater(runtime[name], 0)
        self.say("hippodamia.command.onboarding", request_id="r")
        again = self.onboard()
        self.assertEqual(again["gid"], "g")
        self.assertNotEqual(again["uuid"], request["uuid"])
        self.hear("hippodamia.state.config")
        self.send("stop")
        self.assertEqual(self.hear("choria.lifecycle.event.shutdown")[1]["component"], NAME)
        self.assertEqual(self.hear("hippodamia.state.end")[1]["reason"], "stopped")
        self.assertEqual(self.hear("zms.will", "control"), ("zms.will", {"topic": "hippodamia.state.end", "gid": "g", "payload": None}))
        self.expect("stopped")
        self.expect_exit(0)

    def test_it_says_again_who_it_is(self):
        self.start(LOOPED)
        first = self.hear("hippodamia.contact")[1]
        self.say("hippodamia.command.ping", request_id="r")  # whoever asks is there
        second = self.hear("hippodamia.contact")[1]
        self.assertEqual(first["uuid"], second["uuid"])
        self.send("stop")
        self.expect("stopped")
        self.expect_exit(0)

    def test_the_wire_of_the_original(self):
        os.environ["ZMS_WIRE"] = "original"
        self.addCleanup(os.environ.pop, "ZMS_WIRE")
        self.start(LOOPED)
        self.expect("started")
        self.say("hippodamia.command.ping", request_id="r")
        self.send("stop")
        while True:
            topic, message = self.hear("control", "choria", "hippodamia", "zms.will")
            if topic == "control" and message["header"]["action"] == "stopped":
                break
            self.assertEqual(topic, "hippodamia.command.ping")
        self.expect_exit(0)

    def test_secrets_are_not_told(self):
        sys.path.insert(0, LOOPED)
        self.addCleanup(sys.path.remove, LOOPED)
        import ServiceEchoAction as service
        told = service.mask({"every": 1, "Password": "x", "inner": [{"api_key": ["x"]}], "token": "",
                             "url": "mqtt://u:x@h/a@b", "run": "go --secret x -v password=x"})
        self.assertEqual(told, {"every": 1, "Password": "***", "inner": [{"api_key": "***"}], "token": "",
                                "url": "mqtt://***@h/a@b", "run": "go --secret *** -v password=***"})
        self.assertEqual([service.seconds(t, 7) for t in ("", "0s", "1.5s", "1m30s", "250ms", "1h", "3")],
                         [7, 0, 1.5, 90, 0.25, 3600, 3])


class UnderCurve(Case):
    """The bus is this test, and wants to know who is there."""

    def setUp(self):
        self.dir = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.dir)
        self.context = zmq.Context()
        self.key, self.secret = zmq.curve_keypair()
        self.sub, self.backend = self.server(zmq.SUB)
        self.sub.subscribe("")
        self.pub, self.frontend = self.server(zmq.XPUB)
        self.forwarder = self
        self.child = None
        path = os.path.join(self.dir, "ts001.key_secret")
        key, secret = zmq.curve_keypair()
        with open(path, "w") as f:
            f.write("# of the provider's\nmetadata\n    role = \"serve\"\n    server-key = \"%s\"\n" % self.key.decode())
            f.write("curve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n" % (key.decode(), secret.decode()))
        os.environ["ZMS_CURVE"] = path
        self.addCleanup(os.environ.pop, "ZMS_CURVE")

    def server(self, kind):
        s = self.context.socket(kind)
        s.curve_server = True
        s.curve_publickey, s.curve_secretkey = self.key, self.secret
        s.bind("tcp://127.0.0.1:*")
        return s, s.getsockopt_string(zmq.LAST_ENDPOINT)

    def close(self):
        pass  # the sockets are closed already

    def test_it_proves_who_it_is(self):
        self.start(LOOPED)
        self.expect("started", pid=self.child.pid)
        self.assertTrue(self.pub.poll(WAIT_MS))
        subscriptions = {self.pub.recv()}
        while b"\x01process" not in subscriptions:
            self.assertTrue(self.pub.poll(WAIT_MS))
            subscriptions.add(self.pub.recv())
        self.send("stop")
        self.expect("stopped", pid=self.child.pid)
        self.expect_exit(0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
