package kill

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"

	"zmicroservices/test/harness"
)

// lastWordRole is a service that speaks ZMTP by hand: when it dies, its last word
// is in the kernel's hands and nowhere else.
const lastWordRole = "last-word"

func sayAndDie() error {
	c, err := harness.NewPublisher(os.Getenv("ZMS_BACKEND"))
	if err != nil {
		return err
	}
	word, err := json.Marshal(map[string]any{
		"content": map[string]any{"status": map[string]any{"device_action": "", "result": "success", "pid": os.Getpid()}},
		"header": map[string]any{
			"action": "updated", "service_id": os.Getenv("ZMS_SERVICE_ID"), "service_name": "command",
			"service_transaction": os.Getenv("ZMS_TRANSACTION"),
		},
	})
	if err != nil {
		return err
	}
	if err := c.Send(append([]byte("control @@@ "), word...)); err != nil {
		return err
	}
	return syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

// Last words come before last rites: 100 services say updated and are dead at
// once; observers see updated, then our failed, of every one.
func TestLastWordsComeBeforeLastRites(t *testing.T) {
	for _, c := range []struct {
		name      string
		file      harness.File
		saturated bool
	}{
		{"tcp", harness.File{}, false},
		{"tcp saturated", harness.File{}, true},
		{"ipc", harness.File{
			Front: fmt.Sprintf("ipc://@zms-kill-%d-front", os.Getpid()), Back: fmt.Sprintf("ipc://@zms-kill-%d-back", os.Getpid()),
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) { testLastWords(t, c.file, c.saturated) })
	}
}

func testLastWords(t *testing.T, f harness.File, saturated bool) {
	const n = 100
	f.Tasks = make([]harness.Task, n)
	for i := range f.Tasks {
		f.Tasks[i] = harness.Task{
			ID: fmt.Sprintf("ts%03d", i+1), Command: harness.Self(t),
			Env: map[string]string{harness.RoleVariable: lastWordRole},
		}
	}
	file := harness.Write(t, f)
	p := harness.Start(t, file)
	seen := harness.Observe(t, p, "control")
	if saturated {
		harness.Babble(t, p)
	}
	for few := range slices.Chunk(f.Tasks, 10) {
		args := []string{"start", "--transaction=LASTWORDS", file}
		for _, task := range few {
			args = append(args, task.ID)
		}
		p.Command(args...) // its outcome is a race with the deaths
		said := map[string][]string{}
		dead := 0
		seen.Until("last failed", func(m harness.Message) bool {
			said[m.ServiceID] = append(said[m.ServiceID], m.Action)
			if m.Action == "failed" {
				dead++
			}
			return dead == len(few)
		})
		for _, task := range few {
			// Our started is the keeper's word, and no match for a service that
			// speaks at once: only the end has an order.
			got := said[task.ID]
			slices.Sort(got[:max(0, len(got)-1)])
			if !slices.Equal(got, []string{"started", "updated", "failed"}) {
				t.Errorf("%s: control said %v, want started and updated, then failed", task.ID, got)
			}
		}
	}
	p.Transaction = "LASTWORDS"
	p.Stop()
}
