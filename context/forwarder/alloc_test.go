package forwarder

import (
	"io"
	"runtime"
	"testing"
)

// In steady state a message costs no memory: not when it is published, not when
// it is read and forwarded.
func TestNothingIsAllocatedForAMessage(t *testing.T) {
	d := start(t, nil)
	for range 3 {
		s := d.subscriber(t, "x", "xy")
		go func() { _, _ = io.Copy(io.Discard, s.raw()) }()
	}
	d.subscriber(t, "other")
	frame := []byte("xyz @@@ {}")
	publish := func() {
		if err := d.Publish(frame); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 {
		publish() // until everything has its size
	}
	if n := testing.AllocsPerRun(2000, publish); n > 0.5 {
		t.Errorf("%v allocations a message published", n)
	}
	p := d.publisher(t, 0)
	var many []byte
	for range 1000 {
		many = append(many, wire(string(frame))...)
	}
	sent := d.in.flow().Messages
	turn := func() {
		p.send(many)
		for sent += 1000; d.in.flow().Messages < sent; {
			runtime.Gosched()
		}
	}
	for range 20 {
		turn()
	}
	if n := testing.AllocsPerRun(50, turn) / 1000; n > 0.01 {
		t.Errorf("%v allocations a message forwarded", n)
	}
}
