package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"zmicroservices/context/command"
)

// showBus prints a report as tables of 80 columns.
func showBus(w world, r command.BusReport) error {
	var rate, bytes float64
	for _, t := range r.Topics {
		rate += t.Rate
		bytes += t.ByteRate
	}
	_, err := fmt.Fprintf(w.out, "%s: %s msg/s, %s/s in; %s in queues and buffers\n%s messages dropped, %s denied; %d connections, %d refused, %d shed\n\n",
		printable(shortened(r.ContextID, 20)), short(rate), amount(bytes), amount(float64(r.Memory)),
		short(float64(r.Dropped.Messages)), short(float64(r.Denied)), r.Connections, r.Refused, r.Shed)
	if err != nil {
		return err
	}
	if x := r.Wills; x.Laid+x.Refused > 0 {
		if _, err := fmt.Fprintf(w.out, "%d last wills kept, %s published, %s withdrawn, %s refused\n\n",
			x.Kept, short(float64(x.Published)), short(float64(x.Withdrawn)), short(float64(x.Refused))); err != nil {
			return err
		}
	}
	for _, t := range []*table{topicTable(w, r), publisherTable(w, r), subscriberTable(w, r)} {
		if len(t.rows) == 1 {
			continue
		}
		if err := t.show(w.out); err != nil {
			return err
		}
		if _, err := io.WriteString(w.out, "\n"); err != nil {
			return err
		}
	}
	return nil
}

func topicTable(w world, r command.BusReport) *table {
	t := newTable(w.colour, "TOPIC", "MSG/S", "BYTES/S", "MESSAGES", "PUBS", "SUBS", "DROPPED", "LAST")
	for _, x := range r.Topics {
		dropped, age := uint64(0), ""
		if x.Dropped != nil {
			dropped = x.Dropped.Messages
		}
		if !x.Last.IsZero() {
			age = ago(r.At.Sub(x.Last))
		}
		cells := plain(topicName(x.Topic, x.Other, 22), short(x.Rate), amount(x.ByteRate), short(float64(x.Messages)),
			strconv.Itoa(x.Publishers), strconv.Itoa(x.Subscribers), short(float64(dropped)), age)
		cells[6] = alarming(dropped, cells[6])
		t.add(cells...)
	}
	return t
}

func publisherTable(w world, r command.BusReport) *table {
	t := newTable(w.colour, "PUBLISHER", "TOPICS", "MSG/S", "MESSAGES", "DENIED")
	for _, x := range r.Publishers {
		var names []string
		for _, topic := range x.Topics {
			names = append(names, topicName(topic.Topic, topic.Other, 22))
		}
		cells := plain(peerName(x.BusPeer), several(names, len(names)), short(x.Rate), short(float64(x.Messages)), short(float64(x.Denied)))
		cells[4] = alarming(x.Denied, cells[4])
		t.add(cells...)
	}
	return t
}

func subscriberTable(w world, r command.BusReport) *table {
	t := newTable(w.colour, "SUBSCRIBER", "TOPICS", "MESSAGES", "QUEUED", "DROPPED")
	for _, x := range r.Subscribers {
		names := make([]string, len(x.Prefixes))
		for i, p := range x.Prefixes {
			if names[i] = topicName(p, false, 22); p == "" {
				names[i] = "(all)"
			}
		}
		cells := plain(peerName(x.BusPeer), several(names, x.Count), short(float64(x.Out.Messages)), short(float64(x.Queued.Messages)),
			short(float64(x.Dropped.Messages)))
		cells[4] = alarming(x.Dropped.Messages, cells[4])
		t.add(cells...)
	}
	return t
}

// alarming is red if there is anything of it.
func alarming(n uint64, c cell) cell {
	if n > 0 {
		c.colour = red
	}
	return c
}

// topicName is a topic in so many letters; other is all those that are counted together.
func topicName(topic string, other bool, letters int) string {
	switch {
	case other && topic == "":
		return "(all others)"
	case topic == "":
		return `""`
	}
	return shortened(printable(topic), letters-1)
}

// several are names that fit a column: the first, and how many more there are.
func several(names []string, count int) string {
	const width = 24
	switch {
	case len(names) == 0:
		return ""
	case count == 1:
		return names[0]
	}
	if all := strings.Join(names, " "); count == len(names) && len(all) <= width {
		return all
	}
	return fmt.Sprintf("%s +%d", shortened(names[0], 16), count-1)
}

// peerName is who is at the other end: a task service where it is known, and where.
func peerName(p command.BusPeer) string {
	who := p.Addr
	switch {
	case p.PID > 0:
		who = fmt.Sprintf("pid %d", p.PID)
	case strings.HasPrefix(who, "ipc://"):
		who = "ipc"
	}
	switch {
	case p.Task != "":
		return shortened(shortened(string(p.Task), 15)+" "+who, 31)
	case p.Name != "":
		who = shortened(printable(p.Name), 15) + " " + who
	case p.UID != nil:
		who = fmt.Sprintf("uid %d %s", *p.UID, who)
	}
	return shortened(who, 29)
}

// short writes a number in five letters: 999, 12.3k, 4.56M.
func short(n float64) string {
	unit := ""
	for _, u := range []string{"k", "M", "G", "T"} {
		if unit == "" && n < 9999.5 || unit != "" && n < 999.5 {
			break
		}
		n, unit = n/1000, u
	}
	if unit == "" {
		return strconv.FormatFloat(n, 'f', 0, 64)
	}
	return strconv.FormatFloat(n, 'g', 3, 64) + unit
}

// amount writes bytes: 999 B, 12.3 kB, 4.56 MB.
func amount(n float64) string {
	unit := "B"
	for _, u := range []string{"kB", "MB", "GB", "TB"} {
		if n < 999.5 {
			break
		}
		n, unit = n/1000, u
	}
	if unit == "B" {
		return strconv.FormatFloat(n, 'f', 0, 64) + " B"
	}
	return strconv.FormatFloat(n, 'g', 3, 64) + " " + unit
}

// ago is a time gone by in one unit.
func ago(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
