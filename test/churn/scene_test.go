package churn

import (
	"fmt"
	"testing"

	"zmicroservices/test/harness"
)

// bounds are so small that they are reached in the first third of half an hour.
var bounds = []string{"--journal_rows=5000", "--log_transactions=40"}

const logBudget = `<log budget="600KB"/>`

// file is a context of all that comes and goes by itself.
func file(t *testing.T) string {
	self := func(role string) (string, map[string]string) {
		return harness.Self(t), map[string]string{harness.RoleVariable: role}
	}
	var tasks []harness.Task
	for n := range 3 {
		task := harness.Task{ID: fmt.Sprintf("brief%d", n), Process: `<restart policy="always" backoff="300ms" factor="1" intensity="100000" window="1s"/>`}
		task.Command, task.Env = self("brief")
		tasks = append(tasks, task)
	}
	for n := range 2 {
		task := harness.Task{ID: fmt.Sprintf("talk%d", n), Process: `<restart policy="on-failure" backoff="100ms"/><log max_size="100KB" keep="3"/>`}
		task.Command, task.Env = self("talk")
		tasks = append(tasks, task)
	}
	noticing := harness.Task{ID: "notice", Process: `<restart policy="always" backoff="100ms"/>
		<probe kind="startup" notify="true"/><probe kind="liveness" notify="true" every="2s"/>`}
	noticing.Command, noticing.Env = self("notice")
	return harness.Write(t, harness.File{Extra: logBudget, Tasks: append(tasks, noticing,
		harness.Task{ID: "prey", Command: "/bin/sleep 100000", Process: `<restart policy="always" backoff="50ms"/>
			<hook on="pre_start" command="/bin/true"/><hook on="post_stop" command="/bin/true"/>`},
		harness.Task{
			ID: "daemon", Command: `/bin/sh -c '(sleep 100000 &) ; sleep 100000'`,
			Process:     `<restart policy="always" backoff="50ms"/><probe kind="liveness" exec="/bin/true" every="3s"/>`,
			Transitions: map[string]harness.TransitionCall{"on_exit": {Action: "start", Call: "after"}},
		},
		harness.Task{ID: "after", Command: "/bin/echo after", Process: `<depends on="prey"/>`},
		harness.Task{ID: "cron", Command: "/bin/echo the time has come", Process: `<schedule every="1s"/>`},
		harness.Task{ID: "many", Command: "/bin/sleep 100000", Process: `<replicas count="1"/>`},
		harness.Task{ID: "guest1", Command: "/bin/sh -c 'echo here; sleep 100000'", Entry: "on_update"},
		harness.Task{ID: "guest2", Command: "/bin/echo gone", Entry: "on_update"},
	)})
}
