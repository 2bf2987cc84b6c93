package command

import (
	"context"
	"errors"
	"testing"
	"time"

	"zmicroservices/context/event"
)

// counting counts how often it was asked.
type counting struct{ asked int }

func (c *counting) Figures(context.Context) *event.Figures {
	c.asked++
	return &event.Figures{
		Context: "context001", Bus: event.BusFigures{Connections: c.asked},
		Services: []event.ServiceFigures{
			{Transaction: "T1", TaskView: &event.TaskView{ID: "ts001", State: event.Started}, Cost: &event.Cost{ProcessCost: event.ProcessCost{RSS: 4096}}},
			{Transaction: "T2", TaskView: &event.TaskView{ID: "ts001"}},
		},
	}
}

func TestFiguresAreToldOnceOrAgainAndAgain(t *testing.T) {
	h := newHouse(t)
	h.handler.opts.Figures = &counting{}
	c := dial(t, listen(t, h))
	var got []*event.Figures
	note := func(f *event.Figures) error { got = append(got, f); return nil }
	if err := c.Figures(t.Context(), FiguresQuery{}, note); err != nil || len(got) != 1 || len(got[0].Services) != 2 {
		t.Fatalf("%d, %v", len(got), err)
	}
	s := got[0].Services[0]
	if s.Transaction != "T1" || s.ID != "ts001" || s.State != event.Started || s.Cost == nil || s.Cost.RSS != 4096 {
		t.Errorf("a service came as %+v", s)
	}
	got = nil
	if err := c.Figures(t.Context(), FiguresQuery{Transaction: "T2"}, note); err != nil || len(got[0].Services) != 1 || got[0].Services[0].Transaction != "T2" {
		t.Errorf("of one transaction: %+v, %v", got, err)
	}
	enough := errors.New("enough")
	seen := 0
	err := c.Figures(t.Context(), FiguresQuery{Every: time.Millisecond}, func(f *event.Figures) error {
		if seen++; seen == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || seen != 3 {
		t.Errorf("%d, %v", seen, err)
	}
}

func TestWhereNothingIsCountedThatIsSaid(t *testing.T) {
	c := dial(t, listen(t, newHouse(t)))
	if err := c.Figures(t.Context(), FiguresQuery{}, nil); err == nil || err.Error() != "nothing is counted here" {
		t.Errorf("got %v", err)
	}
}
