package agent

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Fprint writes the table, one edge a line: state, input, next state, acts.
func Fprint(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "STATE\tINPUT\tNEXT\tACTS")
	for s := range NumStates {
		for in := range NumInputs {
			if e := table[s][in]; e != nil {
				fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", s, in, e.to, join(e.acts))
			}
		}
	}
	return tw.Flush()
}

// Mermaid draws the table as a state diagram. Edges that stay in their state are left
// out.
func Mermaid(w io.Writer) error {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n    [*] --> uninitialized\n")
	for s := range NumStates {
		for next := range NumStates {
			var labels []string
			for in := range NumInputs {
				if e := table[s][in]; e != nil && e.to == next && next != s {
					labels = append(labels, in.String())
				}
			}
			if len(labels) > 0 {
				fmt.Fprintf(&b, "    %s --> %s: %s\n", s, next, strings.Join(labels, ", "))
			}
		}
	}
	b.WriteString("    terminating --> [*]\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func join(acts []Act) string {
	names := make([]string, len(acts))
	for i, a := range acts {
		names[i] = a.String()
	}
	return strings.Join(names, ", ")
}
