package keeper

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Whoever adds a field to what the keeper knows decides here whether another program
// needs it: one that is forgotten is lost with an upgrade, and no other test says so.
func TestEveryFieldIsHandedOverOrMadeAnew(t *testing.T) {
	for _, c := range []struct {
		of                 any
		handedOver, derive string
	}{
		{
			slot{},
			"spec state pid pidfd start since reaped exited exit foreign lost streams log tail ear cgroup asked recipe due killing killEnd turned leaving last err survivors",
			"id taps deadline pause askedStop askedKill turn parent limit overdue polled", // a quiet moment has neither spawns nor turns
		},
		{
			server{},
			"slots orphans adopted store listener door conn epoch events bequest ward guard kin notes lost handover",
			"opts pid group clock epoll wakefd sources gens gen buf timers spawner logs sigchld signals finished untidy leaders exited held flushing live " +
				"childfd strays scanned looked outside cookies childDied grouped ungrouped ending rank rankLeft sweepEnd swept alone manager tappings lossTimer hear",
		},
		{conn{}, "fd pid epoch in out next taps", "full closed sent rights gifts pings timer due"},
		{ear{}, "fd said told held every last", "slot due"},
		{ward{}, "path argv env pid pidfd born greeted told code delay", "next"},
		{guard{}, "Guard pid pidfd left proof", "until why"},
		{orphan{}, "pid group owner decided", "since"},
		{stream{}, "name fd partial", "slot"},
		{foreign{}, "led known", "polled"},
		{tapped{}, "id seq lines dropped", "due"},
	} {
		known := slices.Concat(strings.Fields(c.handedOver), strings.Fields(c.derive))
		typ := reflect.TypeOf(c.of)
		for i := range typ.NumField() {
			if name := typ.Field(i).Name; !slices.Contains(known, name) {
				t.Errorf("%s.%s: is it handed over to another program (estate.go), or made anew (resume.go)?", typ, name)
			}
		}
		for _, name := range known {
			if _, there := typ.FieldByName(name); !there {
				t.Errorf("%s has no %s any more", typ, name)
			}
		}
	}
}
