package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/context/event"
	"zmicroservices/context/store"
)

// sameTime compares times as moments: a row knows no zone.
var sameTime = cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })

func TestAChangeComesBackAsItWas(t *testing.T) {
	h := open(t, options(t)).run()
	h.Begin(Transaction{ID: tr, Began: epoch})
	full := change(7)
	full.Exit = &event.Exit{Signal: "SIGSEGV", Core: true}
	full.Reason = "killed by SIGSEGV, core dumped"
	code := change(8)
	code.Exit = &event.Exit{Code: 3}
	clean := change(9)
	clean.Exit = &event.Exit{}
	bare := event.Change{Seq: 10, At: epoch, Transaction: tr, Event: "refused", Cause: event.Cause{Origin: event.ByOperator}}
	unknown := change(1)
	unknown.Transaction = "NOBODY BEGAN IT"
	want := []event.Change{full, code, clean, bare, unknown}
	for _, c := range want {
		h.Record(c)
	}
	var got []event.Change
	for i, r := range h.history(Filter{}) {
		if r.Row != int64(i+1) || r.Note != nil {
			t.Errorf("row %d is %+v", i+1, r)
		}
		got = append(got, *r.Change)
	}
	if diff := cmp.Diff(want, got, sameTime); diff != "" {
		t.Error(diff)
	}
}

// People open the file with sqlite3.
func TestTheFileIsReadByPeople(t *testing.T) {
	h := open(t, options(t)).run()
	h.Record(change(7))
	h.Note(Note{At: epoch, Event: "clock stepped"})
	h.durable()
	rows, err := h.db.Read(t.Context(), `SELECT label, coalesce("transaction", '-'), coalesce("to", '-'), event FROM history ORDER BY row`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		var c [4]string
		if err := rows.Scan(&c[0], &c[1], &c[2], &c[3]); err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.Join(c[:], " "))
	}
	want := []string{"2026-11-20T14:02:18.123Z TRANSACTION000000001 started ready", "2026-11-20T14:02:11.123Z - - clock stepped"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestANoteComesBackAsItWas(t *testing.T) {
	h := open(t, options(t)).run()
	h.Begin(Transaction{ID: tr})
	want := []Note{
		{At: epoch, Event: "provider began", Reason: "pid 4711"},
		{At: epoch, Event: "keeper lost", Transaction: tr, Task: "ts001", Cause: event.Cause{Origin: event.ByProvider, By: "keeper pid 12"}},
	}
	for _, n := range want {
		h.Note(n)
	}
	h.Note(Note{Event: "clock stepped"})
	rows := h.history(Filter{})
	for i, n := range want {
		if diff := cmp.Diff(&n, rows[i].Note, sameTime); diff != "" || rows[i].Change != nil {
			t.Error(diff)
		}
	}
	if at := rows[2].Note.At; time.Since(at) > time.Minute {
		t.Errorf("a note without a time is of %v", at)
	}
	text, err := json.Marshal(rows[0])
	if err != nil || !strings.Contains(string(text), `{"row":1,"note":{"at":`) {
		t.Errorf("%s %v", text, err)
	}
}

func TestHistoryIsFilteredPagedAndInOrder(t *testing.T) {
	h := open(t, options(t)).run()
	for seq := range uint64(100) {
		c := change(seq + 1)
		c.At = epoch.Add(-time.Duration(seq) * time.Minute) // a clock that runs backwards is a label all the same
		if seq%2 == 1 {
			c.Task = "ts002"
		}
		if seq%10 == 9 {
			c.Transaction = "OTHER"
		}
		h.Record(c)
	}
	numbers := func(f Filter) string {
		var all []string
		for _, r := range h.history(f) {
			all = append(all, fmt.Sprint(r.Row))
		}
		return strings.Join(all, " ")
	}
	for want, f := range map[string]Filter{
		"1 2 3":      {Limit: 3},
		"4 5 6":      {Limit: 3, AfterRow: 3},
		"98 99 100":  {Limit: 3, Latest: true},
		"10 20 30":   {Transaction: "OTHER", Limit: 3},
		"2 4 6 8 12": {Transaction: tr, Task: "ts002", Limit: 5},
		"1 2 3 ":     {Since: epoch.Add(-150 * time.Second)},
		"99 100 ":    {Until: epoch.Add(-97 * time.Minute)},
		"":           {Task: "nobody"},
		" ":          {Transaction: "nothing"},
		"90 100":     {Transaction: "OTHER", AfterRow: 80},
		"3 4 5":      {Since: epoch.Add(-4 * time.Minute), Until: epoch.Add(-time.Minute)},
		"96 98":      {Task: "ts002", Latest: true, Limit: 2, Until: epoch.Add(-90 * time.Minute), Transaction: tr},
		"  ":         {AfterRow: 100},
	} {
		if got := numbers(f); got != strings.TrimSpace(want) {
			t.Errorf("%+v gives %q, want %q", f, got, want)
		}
	}
	if n := len(h.history(Filter{})); n != 100 {
		t.Errorf("%d rows", n)
	}
}

func TestWhatIsWantedIsSavedForThisBoot(t *testing.T) {
	o := options(t)
	h := open(t, o)
	began := Transaction{
		ID: tr, ContextName: "context", LogName: "TaskLogName", Began: epoch,
		Endpoints: event.Endpoints{FrontEndEndpoint: "tcp://a:1", BackendEndpoint: "tcp://b:2", FrontBind: "tcp://*:1", BackendBind: "tcp://*:2"},
	}
	h.Begin(began)
	h.Begin(Transaction{ID: "ENDED", Began: epoch})
	h.Begin(Transaction{ID: "EMPTY", Began: epoch})
	want := []Want{
		{
			Transaction: tr, Task: "ts002", Up: true, Run: true, Above: 3, Incarnation: 4, State: event.Failed,
			Object: json.RawMessage(`{"id":"ts002"}`), Spec: json.RawMessage(`{"argv":["x"]}`),
			Cause: event.Cause{Origin: event.ByTransition, By: "on_fail of ts001", Parent: 7, Root: 1, Request: "r"}, Seq: 12,
		},
		{Transaction: tr, Task: "ts001", Done: true, State: event.Stopped, Seq: 14},
	}
	for _, n := range []int{1, 2, 3} { // said again and again; the order is that of the first time
		for _, w := range want {
			w.Incarnation = event.Incarnation(n)
			h.Want(w)
		}
	}
	h.Record(change(13))
	h.Want(want[1])
	value := want[0]
	value.Spec, value.Value = nil, struct {
		Argv []string `json:"argv"`
	}{[]string{"x"}}
	h.Want(value)
	h.Want(Want{Transaction: "ENDED", Task: "ts001", Up: true})
	h.End("ENDED")
	h.Want(Want{Transaction: "ENDED", Task: "ts001", Up: true}) // late: it wants nothing any more
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	h = open(t, o)
	got, err := h.Saved(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Saved{{Transaction: began, Wants: want, Seq: 14}, {Transaction: Transaction{ID: "EMPTY", Began: epoch}}}, got, sameTime); diff != "" {
		t.Error(diff)
	}
	h.Begin(Transaction{ID: "ENDED", Began: epoch.Add(time.Hour)}) // --start=ENDED: anew
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	h = open(t, o)
	got, err = h.Saved(t.Context())
	if err != nil || len(got) != 3 || got[1].Transaction.ID != "ENDED" || got[1].Wants != nil {
		t.Errorf("%+v %v", got, err)
	}
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	o.Boot = "boot-2" // nothing of it runs any more
	h = open(t, o)
	if got, err := h.Saved(t.Context()); err != nil || got != nil {
		t.Errorf("%+v %v", got, err)
	}
	if n := len(h.history(Filter{})); n != 1 {
		t.Errorf("%d rows of the last boot", n)
	}
}

func TestAValueThatCannotBeWrittenHarmsNoOther(t *testing.T) {
	h := open(t, options(t)).run()
	h.Begin(Transaction{ID: tr, Began: epoch})
	h.Want(Want{Transaction: tr, Task: "ts001", Value: func() {}})
	h.Want(Want{Transaction: tr, Task: "ts002"})
	h.durable()
	got, err := h.Saved(t.Context())
	if err != nil || len(got) != 1 || len(got[0].Wants) != 1 || got[0].Wants[0].Task != "ts002" {
		t.Errorf("%+v %v", got, err)
	}
	if s := h.Stats(); s.Refused != 1 {
		t.Errorf("%+v", s)
	}
}

func TestWhyGivesTheChainToItsRoot(t *testing.T) {
	h := open(t, options(t)).run()
	for _, c := range story() {
		h.Record(c)
	}
	other := change(1)
	other.Transaction, other.Task = "LATER", "ts009"
	h.Record(other)
	refused := change(20)
	refused.Task, refused.From, refused.To, refused.Event = "ts002", event.Started, event.Started, "refused"
	h.Record(refused)
	for _, transaction := range []event.TransactionID{tr, ""} {
		links, err := h.Why(t.Context(), transaction, "ts002")
		if err != nil {
			t.Fatal(err)
		}
		var seqs []uint64
		for _, l := range links {
			seqs = append(seqs, l.Seq)
		}
		if diff := cmp.Diff([]uint64{10, 8, 5, 1}, seqs); diff != "" {
			t.Error(diff)
		}
	}
	for _, c := range []struct {
		transaction event.TransactionID
		task        event.TaskID
	}{{"", "ts007"}, {"LATER", "ts002"}, {"NEVER", "ts002"}} {
		if links, err := h.Why(t.Context(), c.transaction, c.task); err != nil || links != nil {
			t.Errorf("%v: %v %v", c, links, err)
		}
	}
}

func TestAChainOfMonthsIsCutButEndsAtItsRoot(t *testing.T) {
	h := open(t, options(t)).run()
	for seq := range uint64(500) {
		c := change(seq + 1)
		c.Cause.Origin = event.ByTransition
		h.Record(c)
	}
	links, err := h.Why(t.Context(), tr, "ts001")
	if err != nil || len(links) != maxLinks || links[0].Seq != 500 || links[maxLinks-1].Seq != 1 {
		t.Errorf("%d links, %v", len(links), err)
	}
}

func TestAChainThatBitesItsTailEnds(t *testing.T) {
	h := open(t, options(t)).run()
	for _, parent := range []uint64{5, 9} {
		c := change(5)
		c.Cause.Parent = parent
		h.Record(c)
		if links, err := h.Why(t.Context(), tr, "ts001"); err != nil || len(links) != 1 {
			t.Errorf("%d links, %v", len(links), err)
		}
	}
}

func TestQuestionsSeeWhatWasRecordedBeforeThem(t *testing.T) {
	h := open(t, options(t)).run()
	for seq := range uint64(200) {
		h.Record(change(seq + 1))
		rows := h.history(Filter{Latest: true, Limit: 1})
		if len(rows) != 1 || rows[0].Change.Seq != seq+1 {
			t.Fatalf("after change %d the latest is %+v", seq+1, rows)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.History(ctx, Filter{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestADamagedJournalIsBegunAnewAndANewerOneRefused(t *testing.T) {
	o := options(t)
	if err := os.WriteFile(o.Path, []byte(strings.Repeat("noise", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	h := open(t, o)
	if found, _ := filepath.Glob(o.Path + ".corrupt-*"); len(found) != 1 {
		t.Errorf("moved aside: %v", found)
	}
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	later, err := store.Open(t.Context(), store.Options{Path: o.Path, Schema: append(append([]string{}, schema...), "CREATE TABLE x (y)"), Logger: o.Logger})
	if err != nil {
		t.Fatal(err)
	}
	if err := later.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), o)
	var newer *store.NewerError
	if !errors.As(err, &newer) {
		t.Errorf("%v", err)
	}
	o.Newer = true
	open(t, o)
}

func TestOptionsAreChecked(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"no Boot": func(o *Options) { o.Boot = "" }, "no Path": func(o *Options) { o.Path = "" }, "no Logger": func(o *Options) { o.Logger = nil },
		"Keep is negative": func(o *Options) { o.Keep = -1 }, "Rows is negative": func(o *Options) { o.Rows = -1 },
	} {
		o := options(t)
		change(&o)
		if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// What was only prepared is not gone on with; what it wants is kept for Begin.
func TestAPreparedTransactionIsNotOpen(t *testing.T) {
	j := open(t, options(t)).run()
	transaction := Transaction{ID: "PREPARED", ContextName: "context", Began: time.Now()}
	for range 2 { // anew, and after an end
		j.Prepare(transaction.ID)
		j.Want(Want{Transaction: transaction.ID, Task: "ts001", Up: true, Spec: []byte("{}")})
		saved, err := j.Saved(t.Context())
		if err != nil || len(saved) != 0 {
			t.Fatalf("saved %v, %v; want none", saved, err)
		}
		j.Begin(transaction)
		saved, err = j.Saved(t.Context())
		if err != nil || len(saved) != 1 || len(saved[0].Wants) != 1 {
			t.Fatalf("saved %v, %v; want one with one want", saved, err)
		}
		j.End(transaction.ID)
	}
}
