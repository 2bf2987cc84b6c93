package machine

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"zmicroservices/context/event"
)

// Fprint writes the table, one edge a line: state, input, next state, effects.
func Fprint(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "STATE\tINPUT\tNEXT\tEFFECTS")
	for s := range event.NumStates {
		for in := range NumInputs {
			if e := table[s][in]; e != nil {
				fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", s, in, e.to, join(e.effects))
			}
		}
	}
	return tw.Flush()
}

// Mermaid draws the table as a state diagram. Edges that stay in their state
// are left out.
func Mermaid(w io.Writer) error {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n    [*] --> defined\n")
	for s := range event.NumStates {
		labels := map[event.State][]string{}
		for in := range NumInputs {
			if e := table[s][in]; e != nil && e.to != s {
				labels[e.to] = append(labels[e.to], in.String())
			}
		}
		for next := range event.NumStates {
			if l := labels[next]; len(l) > 0 {
				fmt.Fprintf(&b, "    %s --> %s: %s\n", s, next, strings.Join(l, ", "))
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func join(effects []Effect) string {
	names := make([]string, len(effects))
	for i, e := range effects {
		names[i] = e.String()
	}
	return strings.Join(names, ", ")
}
