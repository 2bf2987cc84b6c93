package watchdog

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"zmicroservices/taskservice/hippodamia"
)

// Fprint writes the table, one edge a line: state, input, next state, effects.
func Fprint(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "STATE\tINPUT\tNEXT\tEFFECTS")
	for _, s := range hippodamia.States() {
		for in := range numInputs {
			if e := table[s][in]; e != nil {
				fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", s, in, e.to, join(e.effects))
			}
		}
	}
	return tw.Flush()
}

// Mermaid draws the table as a state diagram. Edges that stay in their state are left out.
func Mermaid(w io.Writer) error {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n    [*] --> initialize\n")
	for _, s := range hippodamia.States() {
		for _, next := range hippodamia.States() {
			var labels []string
			for in := range numInputs {
				if e := table[s][in]; e != nil && e.to == next && next != s {
					labels = append(labels, in.String())
				}
			}
			if labels != nil {
				fmt.Fprintf(&b, "    %s --> %s: %s\n", s, next, strings.Join(labels, ", "))
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
