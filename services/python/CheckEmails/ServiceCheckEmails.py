"""ServiceCheckEmails: joins the task to the bus of its context.

The main thread owns the two sockets and says everything that is said about
this service, in one order: started (or created), what the task notifies, then
stopped or failed, once. The task runs in a thread of its own, which ends when
the task returns; it speaks through a queue.

A watchdog that is on the bus is told how the service is, and whoever listens to
life cycle events that it started, lives and ends: see Watch. The task does
nothing for it.

Needs pyzmq (Debian: python3-zmq), and nothing else of this project.
"""

import collections
import datetime
import json
import logging
import os
import queue
import random
import re
import signal
import socket
import sys
import threading
import time
import traceback
import uuid

SERVICE_NAME = "open_inbox"  # <service_name> in the Context file

JOIN_SECONDS = 30.0  # how long the bus may take to let us in
STOP_SECONDS = 5.0  # how long the task may take to return when asked to stop
LINGER_MS = 2000  # how long the last words may take to leave
INBOX = 1000  # messages kept for a task that asked for them

BORN = time.monotonic()
RETRY_SECONDS = (2.0, 60.0)  # between two requests to be onboarded, at first and at last
RUNTIME_PINGS = 10  # pings to one message about the process
LOG_LINES = 20  # warnings and errors kept for such a message
SECRET = "pass|pwd|secret|token|key|credential|auth|bearer|cookie|salt|private|dsn"


class Identity:
    """Who this service is; the context says so by the environment."""

    NEEDED = ("ZMS_SERVICE_ID", "ZMS_TRANSACTION", "ZMS_FRONTEND", "ZMS_BACKEND", "ZMS_CONFIG")

    def __init__(self, environ):
        missing = [name for name in self.NEEDED if not environ.get(name)]
        if missing:
            print(
                "%s is a task service: a context starts it, and tells it by the "
                "environment who it is. Missing: %s" % (SERVICE_NAME, ", ".join(missing)),
                file=sys.stderr,
            )
            sys.exit(2)
        self.service_id = environ["ZMS_SERVICE_ID"]
        self.transaction = environ["ZMS_TRANSACTION"]
        self.frontend = environ["ZMS_FRONTEND"]  # subscribe here
        self.backend = environ["ZMS_BACKEND"]  # publish here
        task = json.loads(environ["ZMS_CONFIG"])["Task"]
        header = task["message"].get("header") or {}
        content = task["message"].get("content") or {}
        # An empty element arrives as an empty string.
        self.configuration = content.get("configuration") or {}
        # What messages go by, which must be what this file says.
        self.service_name = header.get("service_name")
        self.request = header.get("request_id")  # of the command that made us
        self.device_action = self.configuration.get("device_action") or ""
        self.waits = waits(task)
        # What type and which one of it, for the watchdog and for events.
        self.type = json.loads(environ["ZMS_CONFIG"]).get("instance") or SERVICE_NAME
        self.config_id = environ.get("ZMS_CONFIG_ID") or "%s/%s" % (
            environ.get("ZMS_CONTEXT_ID", ""), self.service_id)
        self.version = self.configuration.get("version") or "devel"

    def report(self, action, result, items, request=None):
        """A control message about this service."""
        status = dict(items, device_action=self.device_action, result=result)
        header = {
            "action": action,
            "service_id": self.service_id,
            "service_name": SERVICE_NAME,
            "service_transaction": self.transaction,
        }
        if request:
            header["request_id"] = request
        return encode("control", {"header": header, "content": {"status": status}})

    def command_in(self, message):
        """The header of a process message that is meant for us, else None."""
        try:
            header = message["Task"]["message"]["header"]
            transaction = header.get("transaction", header.get("service_transaction"))
            ours = (
                header["service_name"] in (SERVICE_NAME, "all")
                and header["service_id"] == self.service_id
                and transaction == self.transaction
            )
            return header if ours and "action" in header else None
        except (KeyError, TypeError, AttributeError):
            return None  # no command at all


def waits(task):
    """Whether the state type of a task object says wait, not run."""
    try:
        return task["state"]["type"] not in ("on_start", "start_now")
    except (KeyError, TypeError):
        return False  # an operator's start need not have a state


def tell(text):
    """A notice to the provider, if a probe of ours waits for any: sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]  # an abstract name
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.sendto(text.encode("utf-8"), address)


def certificate(path):
    """The values in the file of a CURVE key pair; service_context made it for us."""
    values = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            name, equals, value = line.partition("=")
            if equals and not line.lstrip().startswith("#"):
                values[name.strip()] = value.strip().strip("\"'")
    return values


def prove(sock, endpoint):
    """Makes a socket prove who we are, where the bus wants that: over tcp."""
    path = os.environ.get("ZMS_CURVE")
    if not path or not endpoint.startswith("tcp://"):
        return
    values = certificate(path)
    sock.curve_serverkey = values["server-key"].encode("ascii")
    sock.curve_publickey = values["public-key"].encode("ascii")
    sock.curve_secretkey = values["secret-key"].encode("ascii")


def encode(topic, message):
    """One frame: topic, separator, JSON with sorted keys."""
    text = json.dumps(
        message, sort_keys=True, indent=4, separators=(",", ": "), default=str
    )
    # The separator inside a string would cut the message in two at some readers.
    text = text.replace("@@@", "@@\\u0040")
    return (topic + " @@@ " + text).encode("utf-8")


def decode(frame):
    """Topic and message of a frame; the message is None if it is not JSON."""
    topic, _, text = frame.partition(b"@@@")
    try:
        message = json.loads(text.decode("utf-8"))
    except ValueError:
        message = None
    return topic.strip().decode("utf-8", "replace"), message


class Bus:
    """The two sockets. Only the main thread touches them."""

    def __init__(self, frontend, backend, topics):
        import zmq  # here, so that a test of the task needs no pyzmq

        self._zmq = zmq
        self._context = zmq.Context()
        self._sub = self._context.socket(zmq.SUB)
        self._sub.linger = 0
        for topic in topics:
            self._sub.subscribe(topic)
        # An XPUB sends as a PUB does, and is told who subscribes: that is how
        # we know that somebody hears our first word, and that the bus is back.
        self._pub = self._context.socket(zmq.XPUB)
        self._pub.linger = LINGER_MS
        self._pub.xpub_verbose = True  # tell also of those who come back
        prove(self._sub, frontend)
        prove(self._pub, backend)
        self._frontend, self._backend = frontend, backend
        self._poller = zmq.Poller()
        self._poller.register(self._sub, zmq.POLLIN)
        self._poller.register(self._pub, zmq.POLLIN)

    def join(self, seconds):
        """Connects, and returns when we hear and are heard."""
        deadline = time.monotonic() + seconds
        monitor = self._sub.get_monitor_socket(self._zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self._sub.connect(self._frontend)
        self._await(monitor, deadline, self._frontend)
        self._sub.disable_monitor()
        monitor.close()
        self._pub.connect(self._backend)
        self._await(self._pub, deadline, self._backend)
        self._pub.recv()

    def _await(self, source, deadline, endpoint):
        left = max(0, int(1000 * (deadline - time.monotonic())))
        if not source.poll(left):
            raise TimeoutError("join the bus at %s: nobody answers" % endpoint)

    def watch(self, source):
        """Ends a wait when source (a Python socket) is readable, too."""
        self._poller.register(source, self._zmq.POLLIN)

    def wait(self, seconds=None):
        """Waits for news: (frames received, whether the bus is back)."""
        self._poller.poll(None if seconds is None else max(0, int(1000 * seconds)))
        back = False
        while self._pub.poll(0):
            back = self._pub.recv()[:1] == b"\x01" or back
        frames = []
        while self._sub.poll(0):
            frames.append(b"".join(self._sub.recv_multipart()))
        return frames, back

    def send(self, frame):
        self._pub.send(frame)

    def subscribe(self, topic):
        self._sub.subscribe(topic)

    def unsubscribe(self, topic):
        self._sub.unsubscribe(topic)

    def close(self):
        """Returns when the last words have left, or the linger time is over."""
        self._sub.close()
        self._pub.close()
        self._context.term()


class Session:
    """What a task may ask of its service. Safe to use from any thread."""

    def __init__(self, say):
        self._say = say
        self._stop = threading.Event()
        self._inbox = queue.Queue(INBOX)

    def notify(self, action, result="success", items=None):
        """Publishes a control message.

        action is updated (progress, a result) or failed; result is success or
        failure; items go beside it.
        """
        self._say((action, result, dict(items or {})))

    def ready(self):
        """Tells that the task is ready, to a <probe notify="true"> that waits for it."""
        tell("READY=1")

    def alive(self):
        """Tells that the task has not hung, to a liveness probe by notice."""
        tell("WATCHDOG=1")

    def status(self, line):
        """Tells in a line what the task does, for whoever asks for its state."""
        tell("STATUS=" + line.replace("\n", " "))

    def stopping(self):
        """True once the service has been asked to stop."""
        return self._stop.is_set()

    def wait(self, seconds):
        """Waits, at most until asked to stop: true if so."""
        return self._stop.wait(seconds)

    def receive(self, seconds=None):
        """The next (topic, message) of the task's topics, None if none came."""
        try:
            return self._inbox.get(timeout=seconds)
        except queue.Empty:
            return None

    def ask_to_stop(self):
        """Called by the service: stopping() is true from now on."""
        self._stop.set()

    def deliver(self, topic, message):
        """Called by the service: keeps a message for receive().

        A task that does not read loses what it does not read.
        """
        try:
            self._inbox.put_nowait((topic, message))
        except queue.Full:
            pass


class Watch:
    """What is told of this service beside its words; ZMS_WIRE=original: nothing.

    To a watchdog (topics hippodamia.*) by an agent, whose state is uninitialized,
    onboarding, active or terminating: it asks to be onboarded on a topic of its
    own until it is answered, then says that it lives, and answers commands. To
    all others by life cycle events (choria.lifecycle.event.*).
    """

    def __init__(self, identity, environ, state):
        self.silent = environ.get("ZMS_WIRE") == "original"
        self.state = "uninitialized"
        self._identity = identity
        self._service_state = state  # gives the last word: started, ...
        self._prefix = (environ.get("ZMS_WATCH_PREFIX") or "hippodamia").rstrip(".") + "."
        self._ping = 0 if self.silent else seconds(environ.get("ZMS_PING_INTERVAL"), 60.0)
        self._alive = seconds(environ.get("ZMS_ALIVE_INTERVAL"), 3600.0)
        self._host = socket.gethostname()
        self._uuid, self._gid, self._seq = str(uuid.uuid4()), None, 0
        self._due = {}  # what is to be said, and when
        self._up = self._provisioned = False
        self._cpu = (BORN, 0.0)  # when its use of the CPU was told last, and the use
        self._log = collections.deque(maxlen=LOG_LINES)
        if self._ping:
            logging.getLogger().addHandler(Tail(self._log))

    def topics(self):
        """What the agent listens to."""
        own = self._prefix + "uuid." + self._uuid
        return (own, self._prefix + "command.") if self._ping else ()

    def begin(self, bus):
        """The service has said its first word: the agent may speak."""
        self._bus = bus
        if self._ping and self.state == "uninitialized":
            self.state = "onboarding"
            self._retry = RETRY_SECONDS[0]
            self._due["request"] = 0

    def started(self):
        if self.silent:
            return
        self._up = True
        self._event("startup")
        if self._alive:
            self._due["alive"] = time.monotonic() + self._alive * random.random()

    def left(self):
        """Seconds until something is to be said; None if nothing is."""
        return min(self._due.values()) - time.monotonic() if self._due else None

    def tick(self):
        """Says what is due."""
        now = time.monotonic()
        for what in [what for what, when in self._due.items() if when <= now]:
            if what == "request":
                self._request()
            elif what == "alive":
                self._due["alive"] = now + self._alive
                self._event("alive")
            else:
                self._say(what)

    def hear(self, topic, message):
        """Acts on a message for the agent; what is none is passed over."""
        if not topic.startswith(self._prefix) or not isinstance(message, dict):
            return
        what, gid = topic[len(self._prefix) :], message.get("gid")
        if what == "uuid." + self._uuid and self.state == "onboarding" and isinstance(gid, str):
            self._onboarded(gid)
        elif what.startswith("command.") and self.state == "onboarding":
            soon = self._asked + 0.5  # somebody is there, but has many to ask
            self._due["request"] = min(self._due["request"], max(soon, time.monotonic()))
        elif self.state == "active" and gid in (None, "", self._gid):
            if what == "command.onboarding":
                self._renew(0.05)  # the subscription must be there first
            elif what in ("command.ping", "command.runtime", "command.config"):
                self._say(what[len("command.") :])

    def back(self):
        """The bus was away: who is there now may not know of us."""
        if self.state == "active":
            self._renew(random.random())
        elif self.state == "onboarding":
            self._due["request"] = time.monotonic() + random.random()

    def end(self, reason):
        """Says goodbye, to whom was told that we are here."""
        if self._up:
            self._event("shutdown")
        if self.state == "active":
            self._say("end", reason=reason)
            self._will(None)
        self.state, self._up, self._due = "terminating", False, {}

    def _request(self):
        now = self._asked = time.monotonic()
        self._due["request"] = now + self._retry * jitter()
        self._retry = min(2 * self._retry, RETRY_SECONDS[1])
        known = {"gid": self._gid} if self._gid else {}
        who = self._identity
        self._send("contact", dict(
            known, uuid=self._uuid, topic=self.topics()[0], type=who.type, name=SERVICE_NAME,
            host=self._host, config_id=who.config_id, version=who.version, pid=os.getpid(),
            timestamp=timestamp()))

    def _onboarded(self, gid):
        self._bus.unsubscribe(self.topics()[0])
        self._gid, self.state = gid, "active"
        del self._due["request"]
        self._will(dict(gid=gid, uuid=self._uuid, seq=0, timestamp=timestamp(), reason="last-will"))
        for what in ("ping", "runtime", "config"):
            self._say(what)
        if self._up and not self._provisioned:
            self._provisioned = True
            self._event("provisioned")

    def _renew(self, after):
        for what in ("ping", "runtime"):
            self._due.pop(what, None)
        self._uuid, self._seq = str(uuid.uuid4()), 0
        self._bus.subscribe(self.topics()[0])
        self.state, self._retry = "onboarding", RETRY_SECONDS[0]
        self._asked = time.monotonic()
        self._due["request"] = self._asked + after

    def _say(self, what, **more):
        now = time.monotonic()
        if what == "ping":
            self._due["ping"] = now + self._ping * jitter()
        elif what == "runtime":
            self._due["runtime"] = now + RUNTIME_PINGS * self._ping * jitter()
            more = {"runtime": self._runtime(now)}
        elif what == "config":
            more = {"config": mask(self._identity.configuration)}
        self._seq += 1
        self._send("state." + what, dict(
            more, gid=self._gid, uuid=self._uuid, seq=self._seq, timestamp=timestamp()))

    def _runtime(self, now):
        use = time.process_time()
        (when, used), self._cpu = self._cpu, (now, use)
        info = {
            "pid": os.getpid(),
            "cpu_percent": 100 * (use - used) / max(now - when, 1e-3),
            "cpu_time_s": use,
            "uptime_s": now - BORN,
            "threads": threading.active_count(),
            "state": self._service_state(),
            "versions": {"service": self._identity.version, "python": sys.version.split()[0]},
            "log": list(self._log),
        }
        try:
            with open("/proc/self/statm", encoding="ascii") as sizes:
                info["rss"] = int(sizes.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            info["fds"] = len(os.listdir("/proc/self/fd")) - 1
        except OSError:
            pass  # not on this system
        return info

    def _will(self, payload):
        """What the forwarder says for us should we be gone; None: nothing."""
        will = {"topic": self._prefix + "state.end", "gid": self._gid, "payload": payload}
        self._bus.send(compact("zms.will", will))

    def _send(self, what, message):
        self._bus.send(compact(self._prefix + what, message))

    def _event(self, kind):
        event = {
            "protocol": "io.choria.lifecycle.v1." + kind,
            "id": str(uuid.uuid4()),
            "identity": self._host + "/" + self._identity.config_id,
        }
        if kind in ("startup", "alive"):
            event["version"] = self._identity.version
            event["timestamp"] = int(time.time())
            event["component"] = self._identity.type
        else:
            event["component"] = self._identity.type
            event["timestamp"] = int(time.time())
        self._bus.send(compact("choria.lifecycle.event.%s.%s" % (kind, self._identity.type), event))


class Tail(logging.Handler):
    """Keeps what is logged as a warning or worse."""

    def __init__(self, lines):
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record):
        when = datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc)
        level = "ERROR" if record.levelno >= logging.ERROR else "WARN"
        text = conceal(record.getMessage())[:500]
        self._lines.append({"time": when.isoformat(), "level": level, "message": text})


def mask(value, name=""):
    """A copy without what is called a secret, wherever it is."""
    if value and re.search(SECRET, name, re.I):
        return "***"
    if isinstance(value, dict):
        return {key: mask(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [mask(inner) for inner in value]
    return conceal(value) if isinstance(value, str) else value


def conceal(text):
    """A text without users and passwords of URLs, and without what it calls a secret."""
    text = re.sub(r"([A-Za-z][\w+.-]*://)[^\s/?#]*@", r"\1***@", text)
    name = r"[\w.-]*(?:%s)[\w.-]*" % SECRET
    what = r"(\"[^\"]*\"|'[^']*'|[^\s&;,\"']+)"
    return re.sub(r"(%s[\"']?\s*[=:]\s*|--%s\s+)%s" % (name, name, what), r"\1***", text, flags=re.I)


def compact(topic, message):
    """One frame with JSON on a line, the keys as they are."""
    return (topic + " @@@ " + json.dumps(message, separators=(",", ":"), default=str)).encode("utf-8")


def timestamp():
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


def jitter():
    return random.uniform(0.9, 1.1)


def seconds(text, missing):
    """A length of time, such as 1.5s, 2m or 1h; 0 is never."""
    if not text:
        return missing
    units = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}
    return sum(float(n) * units[unit] for n, unit in re.findall(r"([\d.]+)(ms|s|m|h|)", text))


class ServiceCheckEmails:
    """The service side of the task: Check emails from your mobile.

    task_class is called with the values of <configuration> as keywords, and
    its run(session) does the work. A task that wants to hear other services
    has a class attribute topics, such as ("control",), and calls
    session.receive().
    """

    def __init__(self, task_class, environ=os.environ, bus=Bus):
        self._task_class = task_class
        self._identity = Identity(environ)
        self._topics = tuple(getattr(task_class, "topics", ()))
        self._make_bus = bus
        self._outbox = queue.SimpleQueue()  # from the task to the main thread
        self._session = Session(self._say)
        self._running = False
        self._stopping = False
        self._stop_request = None  # the request_id of the stop
        self._deadline = None  # when a task that was asked to stop is given up
        self._last_state = None
        self._word = ""  # the action in it
        self._watch = Watch(self._identity, environ, lambda: self._word)

    def run(self):
        """Serves until the task has ended; returns the exit code."""
        if hasattr(sys.stdout, "reconfigure"):  # a line is seen when it is printed
            sys.stdout.reconfigure(line_buffering=True)
        identity = self._identity
        self._bus = self._make_bus(
            identity.frontend, identity.backend, ("process",) + self._watch.topics() + self._topics
        )
        try:
            self._bus.join(JOIN_SECONDS)
            return self._serve()
        except TimeoutError as error:
            print("%s: %s" % (SERVICE_NAME, error), file=sys.stderr)
            return 1
        finally:
            self._bus.close()

    def _serve(self):
        # The task's thread and signals end the wait for the bus by a byte.
        awake, self._waker = socket.socketpair()
        with awake, self._waker:
            for end in (awake, self._waker):
                end.setblocking(False)
            self._bus.watch(awake)
            signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: self._ask_to_stop())
            try:
                return self._loop(awake)
            finally:
                signal.set_wakeup_fd(-1)

    def _loop(self, awake):
        request = self._identity.request
        if self._identity.waits:
            code = self._state("created", request=request)
        else:
            code = self._start(request)
        if code is None:
            self._watch.begin(self._bus)
        while code is None and not (self._stopping and not self._running):
            left = self._deadline and self._deadline - time.monotonic()
            if left is not None and left <= 0:
                # Nothing is said: stopped would promise that the work is over.
                print("%s: the task does not return" % SERVICE_NAME, file=sys.stderr)
                return 1
            due = self._watch.left()
            frames, back = self._bus.wait(due if left is None else left if due is None else min(left, due))
            drain(awake)
            if back:  # who has come meanwhile must not miss what we are
                self._bus.send(self._last_state)
                self._watch.back()
            self._watch.tick()
            for frame in frames:
                code = self._hear(frame) if code is None else code
            while code is None and not self._outbox.empty():
                code = self._publish(self._outbox.get())
        if code is None:  # asked to stop before the task was started
            self._state("stopped", request=self._stop_request)
            code = 0
        return code

    def _hear(self, frame):
        """Acts on one frame; returns the exit code if that ends us."""
        topic, message = decode(frame)
        self._watch.hear(topic, message)
        if topic == "process":
            command = self._identity.command_in(message) or {}
            action, request = command.get("action"), command.get("request_id")
            idle = not self._running and not self._stopping
            # A newborn that waits is greeted with its own object, which says so;
            # in a start that means it the object says run.
            if action == "start" and idle and not waits(message["Task"]):
                return self._start(request)
            if action == "stop":
                self._stop_request = request
                self._ask_to_stop()
        if topic in self._topics and message is not None:
            self._session.deliver(topic, message)
        return None

    def _start(self, request):
        try:
            if self._identity.service_name not in (None, SERVICE_NAME):
                raise ValueError(
                    "this program is the service %r, the Context file calls it %r"
                    % (SERVICE_NAME, self._identity.service_name)
                )
            task = self._task_class(**self._identity.configuration)
        except Exception as error:
            traceback.print_exc()
            self._state("started", "failure", {"reason": describe(error)}, request)
            return 1
        self._state("started", request=request)
        self._watch.begin(self._bus)
        self._watch.started()
        self._running = True
        # A daemon: a task that does not return must not keep us from dying.
        threading.Thread(target=self._work, args=(task,), daemon=True).start()
        return None

    def _work(self, task):
        """The task's thread; ends with the task."""
        error = None
        try:
            task.run(self._session)
        except SystemExit as asked:  # sys.exit(0) is an end like any other
            error = asked if asked.code else None
        except BaseException as caught:
            traceback.print_exc()
            error = caught
        self._say((None, error, None))

    def _say(self, words):
        self._outbox.put(words)
        try:
            self._waker.send(b"\0")
        except (BlockingIOError, OSError):
            pass  # awake already, or gone

    def _publish(self, words):
        """Publishes a notice of the task, or its end and returns the exit code."""
        action, result, items = words
        if action is not None:
            self._bus.send(self._identity.report(action, result, items))
            return None
        if result is None or self._stopping:
            self._state("stopped", request=self._stop_request)
            return 0
        self._state("failed", "failure", {"reason": describe(result)})
        return 1

    def _ask_to_stop(self):
        if not self._stopping:
            self._deadline = time.monotonic() + STOP_SECONDS
        self._stopping = True
        self._session.ask_to_stop()

    def _state(self, action, result="success", items=None, request=None):
        """Publishes what we are, and keeps it for whom the bus brings later."""
        items = dict(items or {}, pid=os.getpid())
        if action in ("stopped", "failed") or result == "failure":  # the last word
            reason = items.get("reason")
            self._watch.end("%s: %s" % (action, reason) if reason else action)
        self._word = action
        self._last_state = self._identity.report(action, result, items, request)
        self._bus.send(self._last_state)


def drain(awake):
    """Takes the bytes that ended a wait."""
    try:
        while awake.recv(4096):
            pass
    except BlockingIOError:
        pass


def describe(error):
    """An exception as one line."""
    text = str(error)
    return "%s: %s" % (type(error).__name__, text) if text else type(error).__name__
