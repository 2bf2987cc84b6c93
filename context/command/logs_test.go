package command

import (
	"context"
	"errors"
	"testing"

	"zmicroservices/context/event"
)

// texts asks for lines and gives their texts.
func texts(ctx context.Context, c *Client, q LogQuery, most int) (got []string, err error) {
	enough := errors.New("enough")
	err = c.Logs(ctx, q, func(lines []LogLine) error {
		for _, l := range lines {
			got = append(got, string(l.Text))
		}
		if len(got) >= most {
			return enough
		}
		return nil
	})
	if errors.Is(err, enough) {
		err = nil
	}
	return got, err
}

func TestLinesOfOutputComeAsTheyWereWritten(t *testing.T) {
	c := dial(t, listen(t, newHouse(t)))
	got, err := texts(t.Context(), c, LogQuery{Transaction: "T1"}, 100)
	if err != nil || len(got) != 3 || got[0] != "T1" || got[1] != "\xff\x1b[m" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := texts(t.Context(), c, LogQuery{Transaction: "T1", Last: 13}, 100); err == nil || err.Error() != "no such luck" || len(got) != 2 {
		t.Errorf("%q, %v", got, err)
	}
	for _, name := range []string{"", "..", ".", "a/b", "/"} {
		if _, err := texts(t.Context(), c, LogQuery{Transaction: event.TransactionID(name)}, 1); err == nil {
			t.Errorf("transaction %q: no error", name)
		}
		if _, err := texts(t.Context(), c, LogQuery{Transaction: "T1", Tasks: []event.TaskID{event.TaskID(name)}}, 1); err == nil {
			t.Errorf("task %q: no error", name)
		}
	}
}

func TestFollowingEndsWithWhoeverReads(t *testing.T) {
	h := newHouse(t)
	path := listen(t, h)
	c := dial(t, path)
	if got, err := texts(t.Context(), c, LogQuery{Transaction: "T1", Follow: true}, 1000); err != nil || len(got) < 1000 {
		t.Errorf("%d lines, %v", len(got), err)
	}
	c = dial(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	err := c.Logs(ctx, LogQuery{Transaction: "T1", Follow: true}, func([]LogLine) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
