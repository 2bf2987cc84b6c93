package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// The statuses of a file in a report.
const (
	created   = "created"
	unchanged = "unchanged" // byte for byte what would be written
	kept      = "kept"      // differs, perhaps edited: left alone
	replaced  = "replaced"  // by --force; there is a backup
	merged    = "merged"    // shared with the user: ours was added
	built     = "built"
)

// entry is what was done to one file.
type entry struct {
	Status string `json:"status"`
	Path   string `json:"path"`
	Note   string `json:"note,omitempty"`
}

// report is what a run did. Its JSON is a contract.
type report struct {
	Context string   `json:"context,omitempty"` // the Context file
	Added   []string `json:"added"`             // ids of tasks that it has now
	Kept    []string `json:"kept"`              // ids that it had before
	Files   []entry  `json:"files"`
	Notes   []string `json:"notes"` // what to look at in the Context file
}

func (r *report) add(status, path, note string) {
	r.Files = append(r.Files, entry{status, short(path), note})
}

// show prints the report: lines for people, or one JSON object.
func (r *report) show(w io.Writer, output string) error {
	if output == "json" {
		// Empty, not null: whoever reads it may range over it.
		shown := *r
		shown.Added = append([]string{}, r.Added...)
		shown.Kept = append([]string{}, r.Kept...)
		shown.Files = append([]entry{}, r.Files...)
		shown.Notes = append([]string{}, r.Notes...)
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(shown)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range r.Files {
		fmt.Fprintf(table, "%s\t%s", f.Status, f.Path)
		if f.Note != "" {
			fmt.Fprintf(table, "  (%s)", f.Note)
		}
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, note := range r.Notes {
		fmt.Fprintln(w, "note:", note)
	}
	return nil
}
