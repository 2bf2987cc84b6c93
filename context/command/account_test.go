package command

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// recordedEntry is the first entry of a monitor message of the original.
func recordedEntry(t *testing.T) map[string]any {
	t.Helper()
	frame, err := os.ReadFile(filepath.Join("..", "..", "taskservice", "message", "testdata", "recorded", "monitor.frame"))
	if err != nil {
		t.Fatal(err)
	}
	_, payload, err := message.Split(frame)
	if err != nil {
		t.Fatal(err)
	}
	m, err := message.Decode(payload)
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range m {
		return list.([]any)[0].(map[string]any)
	}
	t.Fatal("no entry was recorded")
	return nil
}

// fill is an account with something of everything.
func fill() Account {
	at := time.UnixMicro(1795218151768006)
	r := Relative{PID: 7, Status: "sleeping", Began: at, RSS: 3 << 20, VMS: 5 << 20, Percent: 0.25}
	return Account{
		Task: &event.TaskView{ID: "ts001"}, At: at, Elapsed: 2 * time.Millisecond, Relative: r, CPU: 12.345678,
		Children: []Relative{r, r}, Threads: []Relative{r},
		Sockets:  []Socket{{FD: 3, Family: 2, Type: 1, Local: Address{"127.0.0.1", 80}, Status: "LISTEN"}},
		Files:    []File{{Path: "/x", FD: 1, Position: 22619, Mode: "w", Flags: 32769}},
		Mappings: []MemoryMap{{Path: "[anon]", RSS: 4096}},
	}
}

func TestAnEntryHasTheKeysOfTheRecordedOne(t *testing.T) {
	a := fill()
	a.Sockets, a.Files, a.Mappings = nil, nil, nil // which were not recorded
	keys := func(of map[string]any) (k []string) {
		for key := range of {
			k = append(k, key)
		}
		slices.Sort(k)
		return k
	}
	ours := map[string]any{"action": "started", "state": "success", "pid": 7} // MonitorFrame's
	for _, p := range a.payload("ts001") {
		ours[p.Key] = p.Value
	}
	recorded := recordedEntry(t)
	want := append(keys(recorded), "cpu_percent")
	slices.Sort(want)
	if got := keys(ours); !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
	child := map[string]any{}
	for _, p := range a.Threads[0].payload() {
		child[p.Key] = p.Value
	}
	if got, want := keys(child), keys(recorded["children"].([]any)[0].(map[string]any)); !slices.Equal(got, want) {
		t.Errorf("keys of a child %v, want %v", got, want)
	}
}

func TestAnAccountIsWrittenAsTheOriginalWouldHave(t *testing.T) {
	a := fill()
	line, err := message.EncodeLine(a.payload("ts001"))
	if err != nil {
		t.Fatal(err)
	}
	const relative = `{"status": "sleeping", "pid": 7, "create_time": 1795218151.768006, "rss": 3.0, "vms": 5.0, "percent": 0.25}`
	want := `{"status": "sleeping", "rss": 3.0, "vms": 5.0, "percent": 0.25, "cpu_percent": 12.35, ` +
		`"children": [` + relative + `, ` + relative + `, ` + relative + `], ` +
		`"total": {"percent": 0.75, "rss": 9.0, "vms": 15.0}, ` + // threads add nothing
		`"connections": [[{"fd": 3}, {"family": 2}, {"type": 1}, {"laddr": ["127.0.0.1", 80]}, {"raddr": []}, {"status": "LISTEN"}]], ` +
		`"opened_files": [[{"path": "/x"}, {"fd": 1}, {"position": 22619}, {"mode": "w"}, {"flags": 32769}]], ` +
		`"memory_map": [[{"path": "[anon]"}, {"rss": 4096}, {"size": 0}, {"pss": 0}, {"shared_clean": 0}, {"shared_dirty": 0}, ` +
		`{"private_clean": 0}, {"private_dirty": 0}, {"referenced": 0}, {"anonymous": 0}, {"swap": 0}]], ` +
		`"elapsed": 0.002, "serviceId": "ts001", "timestamp": 1795218151.768006}`
	if string(line) != want {
		t.Errorf("got  %s\nwant %s", line, want)
	}
}
