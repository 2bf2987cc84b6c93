package group

import (
	"testing"

	"zmicroservices/context/event"
)

func TestWhatWasLostIsMadeAgainIfItIsWanted(t *testing.T) {
	w := newWorld(t, options())
	a, b := command("ts001"), command("ts002")
	w.step(asks(Start, a, b))
	w.settle()
	w.step(asks(Stop, b))
	w.take()
	lost := func(id event.TaskID) {
		ref := w.procs[id].ref
		delete(w.procs, id)
		w.step(event.Lost{Ref: ref, Reason: "its keeper died"})
	}
	lost("ts001")
	lost("ts002")
	expect(t, w, "control stopped ts001", "process start ts001", "control stopped ts002")
	w.settle()
	if w.state("ts001") != event.Started || w.state("ts002") != event.Stopped {
		t.Errorf("ts001 is %s, ts002 is %s", w.state("ts001"), w.state("ts002"))
	}
}

func TestARestoredTransactionGoesOn(t *testing.T) {
	w := newWorld(t, options())
	o := w.tx.opts
	w.step(asks(Start, command("ts001", on("on_fail", "restart", "ts001")), service("ts002"), waiting(command("ts003"))))
	w.spawn("ts001") // ts002's birth is not told before the crash
	seq := w.tx.View().Seq
	w.crash()
	if w.tx.opts.Transaction != o.Transaction || w.tx.View().Seq < seq {
		t.Errorf("seq %d after %d", w.tx.View().Seq, seq)
	}
	for id, want := range map[event.TaskID]event.State{"ts001": event.Started, "ts002": event.Starting, "ts003": event.Created} {
		if got := w.state(id); got != want {
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
	w.spawn("ts002")
	w.speak("ts002", "started", "success")
	w.dies("ts001", event.Exit{Signal: "SIGKILL"})
	w.settle()
	if w.state("ts001") != event.Started || w.state("ts002") != event.Started {
		t.Errorf("ts001 is %s, ts002 is %s", w.state("ts001"), w.state("ts002"))
	}
	if len(w.launchd) != 3 {
		t.Errorf("launched %v", w.launchd)
	}
}

func TestDroppedLinesAreCountedInTheView(t *testing.T) {
	w := newWorld(t, options())
	w.step(asks(Start, command("ts001"), command("ts002")))
	w.settle()
	before := w.tx.View()
	w.take()
	w.step(event.Dropped{Task: "ts001", Lines: 7})
	w.step(event.Dropped{Task: "ts009", Lines: 7}) // none of ours
	expect(t, w)
	after := w.tx.View()
	if after.Task("ts001").Dropped != 7 || after.Task("ts002") != before.Task("ts002") || before.Task("ts001").Dropped != 0 || after.Seq != before.Seq {
		t.Errorf("got %+v", after.Task("ts001"))
	}
}
