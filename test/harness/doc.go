// Package harness runs the built product for tests: the four tools as real
// processes, Context files with ports of the kernel's choice, and clients that
// speak ZMTP by hand, so that the product is never judged by its own bus package.
//
//	func TestMain(m *testing.M) { harness.Main(m, nil) }
//
//	func TestEcho(t *testing.T) {
//		file := harness.Write(t, harness.File{Tasks: []harness.Task{{ID: "ts001", Command: "/bin/sleep 60"}}})
//		p := harness.Start(t, file, "--start")
//		seen := harness.Observe(t, p.Subscribe, "control")
//		…
//		p.Stop()
//	}
//
// A test binary can be a task service too: a role is a function that the binary
// runs instead of its tests when it is executed with RoleVariable set.
//
// It is for tests of the whole and never imported by anything else. It ends only
// processes that it started, by pid, and binds no port of its own choice.
package harness
