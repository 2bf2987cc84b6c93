package forwarder

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"zmicroservices/taskservice/zmtp"
)

// descriptors counts the open files of a process.
func descriptors(t *testing.T, pid int) int {
	t.Helper()
	names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// roundTrips sends messages one by one and returns the median of their times.
func roundTrips(p, s *client, n int) time.Duration {
	var all []time.Duration
	for i := range n {
		began := time.Now()
		m := fmt.Sprint("control @@@ ", i)
		p.say(m)
		s.hears(m)
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	return all[n/2]
}

// Two hundred connections that send garbage, stop anywhere in a handshake or in a
// message, or announce what they will not send: others are served as before, and
// everything comes back.
func TestStrangersThatStallOrSendGarbageDisturbNobody(t *testing.T) {
	before := descriptors(t, os.Getpid())
	d := start(t, func(o *Options) { o.Limits.Handshake = 2 * time.Second })
	s, p := d.subscriber(t, "control"), d.publisher(t, 0)
	alone := roundTrips(p, s, 100)

	null := greeting(3, 1, "NULL")
	pub, sub := cat(null, ready("Socket-Type", "PUB")), cat(null, ready("Socket-Type", "SUB"))
	r := rand.New(rand.NewPCG(1, 2))
	garbage := make([]byte, 100_000)
	for i := range garbage {
		garbage[i] = byte(r.Uint32())
	}
	sends := [][]byte{
		nil,
		null[:1], null[:11], null[:33], null,
		pub[:70], pub[:len(pub)-1], sub[:len(sub)-1],
		greeting(3, 0, "CURVE"),
		garbage, cat(null, garbage), cat(pub, garbage), cat(sub, garbage),
		cat(pub, []byte{2, 0x40, 0, 0, 0, 0, 0, 0, 0}),
		cat(pub, []byte{2, 0, 0, 0, 0, 3, 0, 0, 0}, garbage),
		cat(pub, []byte{1, 3, 'a', 'b', 'c'}, []byte{2, 0, 0}),
		cat(sub, []byte{0, 200, 1}), cat(sub, slices.Repeat([]byte{0, 2, 1, 'x'}, 5000)),
		[]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		slices.Repeat([]byte{0xff}, 5000),
	}
	var strangers []net.Conn
	for i := range 200 {
		endpoint := d.Front()[0]
		if i%2 == 1 {
			endpoint = d.Back()[0]
		}
		c, err := net.Dial("tcp", strings.TrimPrefix(endpoint, "tcp://"))
		if err != nil {
			t.Fatal(err)
		}
		strangers = append(strangers, c)
		_ = c.SetWriteDeadline(time.Now().Add(patience))
		_, _ = c.Write(sends[i/2%len(sends)]) // who is closed meanwhile cannot
	}
	if beside := roundTrips(p, s, 100); beside > 20*alone+20*time.Millisecond {
		t.Errorf("a round trip takes %v beside strangers, %v alone", beside, alone)
	}
	if m := d.Stats().Memory; m > 32<<20 {
		t.Errorf("%d bytes of memory", m)
	}
	// Those that shook hands and then stall may stay as long as they like.
	eventually(t, "the handshakes' end", func() bool { return d.Stats().Shaking == 0 })
	if got := d.Stats().Connections; got > 80 {
		t.Errorf("%d connections are left", got)
	}
	for _, c := range strangers {
		_ = c.Close()
	}
	eventually(t, "the strangers' end", func() bool { return d.Stats().Connections == 2 })
	roundTrips(p, s, 10)
	d.stop()
	_, _ = s.Close(), p.Close()
	eventually(t, "all descriptors to come back", func() bool { return descriptors(t, os.Getpid()) <= before+1 })
}

// A publisher that never pauses, a subscriber that never reads: our own messages
// reach who subscribed to them in no time.
func TestOurOwnMessagesGetThroughAFlood(t *testing.T) {
	d := start(t, nil)
	d.subscriber(t, "") // never reads
	greedy := d.subscriber(t, "")
	go func() { _, _ = io.Copy(io.Discard, greedy.r) }()
	s := d.subscriber(t, "control")
	babbler := d.publisher(t, 0)
	flood := slices.Repeat(wire(strings.Repeat("f", 1500)), 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := babbler.Write(flood); err != nil {
				return
			}
		}
	}()
	eventually(t, "the flood", func() bool { return d.Stats().Dropped.Messages > 1000 })
	var all []time.Duration
	for i := range 200 {
		m := fmt.Sprint("control @@@ ", i)
		began := time.Now()
		if err := d.Publish([]byte(m)); err != nil {
			t.Fatal(err)
		}
		s.hears(m)
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	t.Logf("p50 %v, p99 %v", all[100], all[198])
	if all[100] > 10*time.Millisecond {
		t.Errorf("half of our messages take longer than %v", all[100])
	}
	_ = babbler.Close()
	<-done
	_ = greedy.Close()
}

// Without a descriptor left, newcomers are turned away, who is in is served, and
// when there are some again everybody is.
func TestRunningOutOfDescriptorsIsSurvived(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "ZMS_TEST_ROLE=starved")
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	var front, back string
	if _, err := fmt.Sscan(lines.Text(), &front, &back); err != nil {
		t.Fatal(err)
	}
	s := dial(t, back, 0, "SUB")
	s.subscribe("")
	s.sync()
	p := dial(t, front, 0, "PUB")
	p.frame()
	p.say("before")
	s.hears("before")
	var crowd []*client
	for range 100 {
		crowd = append(crowd, connect(t, front))
	}
	eventually(t, "descriptors to be exhausted", func() bool { return descriptors(t, cmd.Process.Pid) >= starvedFiles-2 })
	for i := range 50 {
		m := fmt.Sprint("meanwhile ", i)
		p.say(m)
		s.hears(m)
	}
	used := cpu(t, cmd.Process.Pid)
	<-time.After(300 * time.Millisecond) // long enough to see it spin
	if used = cpu(t, cmd.Process.Pid) - used; used > 150*time.Millisecond {
		t.Errorf("%v of CPU in 300 ms", used)
	}
	for _, c := range crowd {
		_ = c.Close()
	}
	// The crowd's connections in the backlog still have to be accepted, to be found
	// closed: until then others may be turned away too.
	var again *client
	eventually(t, "somebody to get in", func() bool {
		c, err := net.Dial("tcp", strings.TrimPrefix(front, "tcp://"))
		if err != nil {
			return false
		}
		again = &client{Conn: c, t: t, r: bufio.NewReader(c)}
		_ = c.SetDeadline(time.Now().Add(patience))
		_, failed := c.Write(cat(greeting(3, 0, "NULL"), ready("Socket-Type", "PUB")))
		_, err = readFull(again, make([]byte, zmtp.GreetingSize+2+6+12+4+4))
		if failed != nil || err != nil {
			_ = c.Close()
			return false
		}
		return true
	})
	defer again.Close()
	again.frame()
	again.say("after")
	s.hears("after")
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// cpu is the time that a process has used (proc(5), stat).
func cpu(t *testing.T, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	var user, system int
	fields := strings.Fields(rest)
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		t.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ
}

// starvedFiles is how many descriptors the starved forwarder has.
const starvedFiles = 48

// starve runs a forwarder with few descriptors until stdin ends.
func starve() error {
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: starvedFiles, Max: starvedFiles}); err != nil {
		return err
	}
	f, err := New(Options{
		FrontBind: []string{"tcp://*:0"}, BackendBind: []string{"tcp://*:0"},
		Limits: Limits{MaxConnections: 1000},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { // ends with stdin
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	fmt.Println(f.Front()[0], f.Back()[0])
	return f.Run(ctx)
}
