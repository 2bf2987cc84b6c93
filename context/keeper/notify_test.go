package keeper

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"zmicroservices/context/keeper/kernel"
)

// notifying is a service that says its words to NOTIFY_SOCKET: the first at once,
// one more for each SIGUSR1.
func notifying(words []string) int {
	next := make(chan os.Signal, 8)
	signal.Notify(next, syscall.SIGUSR1)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGUSR2)
	for _, word := range words {
		c, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
		if err != nil {
			return 3
		}
		_, _ = c.Write([]byte(word))
		fmt.Println("said", word)
		<-next
	}
	<-stop
	return 0
}

// notifier is the spec of one.
func (h *held) notifier(task string, words ...string) Spec {
	s := spec(task, append([]string{"child", "notify"}, words...)...)
	s.Notify = NotifyAddress(h.dir, s.ID, false)
	s.Env = append(s.Env, "NOTIFY_SOCKET="+s.Notify)
	return s
}

// noticed acknowledges all there was and waits for the next notice.
func (h *held) noticed(id ID) Notice {
	h.t.Helper()
	h.seen = nil
	ev := h.await(id, Noticed)
	if err := h.Ack(ev.Seq); err != nil {
		h.t.Fatal(err)
	}
	return *ev.Notice
}

func (h *held) signal(id ID, sig syscall.Signal) {
	h.t.Helper()
	if err := h.Signal(id, sig); err != nil {
		h.t.Fatal(err)
	}
}

func TestAServiceTellsOfItself(t *testing.T) {
	h := start(t)
	s := h.notifier("ts001", "STATUS=reading\nMAINPID=1\nX_OWN=thing", "READY=1\nSTATUS=serving", "STOPPING=1")
	id := h.spawn(s)
	for _, want := range []Notice{
		{Status: "reading"},
		{Status: "serving", Ready: true},
		{Status: "serving", Ready: true, Stopping: true},
	} {
		if got := h.noticed(id); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		h.signal(id, syscall.SIGUSR1)
	}
	h.signal(id, syscall.SIGUSR2)
	h.await(id, Gone)
	if _, err := os.Stat(s.Notify); !os.IsNotExist(err) {
		t.Errorf("the socket is left: %v", err)
	}
}

func TestNoticesThatNobodyAcknowledgesTakeNoRoom(t *testing.T) {
	h := start(t)
	s := h.logged(h.notifier("ts001", "STATUS=one", "STATUS=two", "STATUS=three\nREADY=1"))
	id := h.spawn(s)
	first := h.await(id, Noticed)
	for _, word := range []string{"two", "three"} {
		h.signal(id, syscall.SIGUSR1)
		h.awaitLog(s.Output.Log, word) // the keeper has read the notice before this line, or with it
	}
	stats, err := h.Stats(t.Context())
	if err != nil || stats.Events != 2 {
		t.Errorf("%d events are kept, want Spawned and one Noticed: %v", stats.Events, err)
	}
	h.seen = nil
	if err := h.Ack(first.Seq); err != nil {
		t.Fatal(err)
	}
	if n := h.noticed(id); !n.Ready || n.Status != "three" {
		t.Errorf("got %+v", n)
	}
}

func TestAWatchdogIsJudged(t *testing.T) {
	h := start(t)
	s := h.logged(h.notifier("ts001", "READY=1", "WATCHDOG=1", "WATCHDOG=trigger"))
	id := h.spawn(s)
	h.noticed(id)
	if err := h.Watchdog(id, 20*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if n := h.noticed(id); !n.Overdue {
		t.Fatalf("got %+v", n)
	}
	if err := h.Watchdog(id, time.Hour); err != nil { // begins anew
		t.Fatal(err)
	}
	h.signal(id, syscall.SIGUSR1)
	h.awaitLog(s.Output.Log, "said WATCHDOG=1")
	h.signal(id, syscall.SIGUSR1)
	for n := h.noticed(id); !n.Overdue; n = h.noticed(id) { // by its own wish
	}
}

func TestAStopGrantsTheTimeThatIsAskedFor(t *testing.T) {
	h := start(t)
	s := h.notifier("ts001", "READY=1", "EXTEND_TIMEOUT_USEC=3600000000")
	s.Stop = Recipe{Signal: syscall.SIGUSR1, Grace: 10 * time.Second}
	id := h.spawn(s)
	h.noticed(id)
	if err := h.Stop(id, nil); err != nil {
		t.Fatal(err)
	}
	if n := h.noticed(id); n.Extend != time.Hour {
		t.Errorf("got %+v", n)
	}
	list, err := h.List(t.Context())
	if err != nil || len(list) != 1 || list[0].Ending == nil {
		t.Fatalf("list %+v: %v", list, err)
	}
	var now kernel.Clock = kernel.NewClock()
	if left := time.Duration(list[0].Ending.Due - now.Mono(time.Now())); left < 50*time.Minute {
		t.Errorf("it has %v left", left)
	}
	if err := h.Kill(id); err != nil {
		t.Fatal(err)
	}
	h.await(id, Gone)
}

func TestAStrangerIsNotHeard(t *testing.T) {
	h := start(t)
	s := h.notifier("ts001", "STATUS=hello", "STATUS=mine")
	id := h.spawn(s)
	h.noticed(id)
	c, err := net.Dial("unixgram", s.Notify) // we are the keeper's parent, not the slot's
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write([]byte("READY=1")); err != nil {
		t.Fatal(err)
	}
	h.signal(id, syscall.SIGUSR1)
	if n := h.noticed(id); n.Ready || n.Status != "mine" {
		t.Errorf("got %+v", n)
	}
}

func TestABarrierIsAnswered(t *testing.T) {
	h := start(t)
	s := h.notifier("ts001", "READY=1")
	id := h.spawn(s)
	h.noticed(id)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(fd) }()
	if err := syscall.Sendmsg(fd, []byte("BARRIER=1"), syscall.UnixRights(int(w.Fd())), &syscall.SockaddrUnix{Name: s.Notify}, 0); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	_ = r.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := r.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("the barrier's descriptor is not closed: %v", err)
	}
	_ = r.Close()
}

func TestALongDirectoryAndAnotherUserGetAnAbstractSocket(t *testing.T) {
	id := ID{Transaction: "tr", Task: "ts001", Incarnation: 1}
	short := NotifyAddress("/run/x", id, false)
	if !strings.HasPrefix(short, "/run/x/notify-") || short == NotifyAddress("/run/x", ID{"tr", "ts001", 2, ""}, false) {
		t.Errorf("got %s", short)
	}
	for _, a := range []string{NotifyAddress("/"+strings.Repeat("x", 100), id, false), NotifyAddress("/run/x", id, true)} {
		if !strings.HasPrefix(a, "@") || len(a) > 100 {
			t.Errorf("got %s", a)
		}
	}
	h := start(t)
	s := h.notifier("ts001", "READY=1")
	address := NotifyAddress(h.dir, s.ID, true)
	s.Notify, s.Env[len(s.Env)-1] = address, "NOTIFY_SOCKET="+address
	if n := h.noticed(h.spawn(s)); !n.Ready {
		t.Errorf("got %+v", n)
	}
}

func FuzzNotice(f *testing.F) {
	for _, text := range []string{"READY=1", "STATUS=a b\nWATCHDOG=1\n", "EXTEND_TIMEOUT_USEC=18446744073709551615", "=\n\n=1", "STATUS=\xff", "WATCHDOG=trigger"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var n Notice
		n.hear(text)
		if !utf8.ValidString(n.Status) || len(n.Status) > 3*maxStatus || n.Extend < 0 || n.Extend > maxExtend {
			t.Errorf("got %+v", n)
		}
		again := n
		again.hear(text)
		if again != n {
			t.Errorf("heard twice it is %+v, once %+v", again, n)
		}
	})
}

func TestSocketsOfAKilledKeeperAreRemoved(t *testing.T) {
	dir := t.TempDir()
	stale := NotifyAddress(dir, ID{"tr", "old", 1, ""}, false)
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: stale, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	start(t, func(o *Options) { o.RuntimeDir = dir })
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Errorf("it is left: %v", err)
	}
}
