//go:build soak

package interop

import (
	"fmt"
	"path/filepath"
	"testing"

	"zmicroservices/test/harness"
)

// The scenario of the original, 50 times in a row without a miss.
func TestSoakFiftyScenariosInARow(t *testing.T) {
	for name, c := range map[string]struct {
		location string
		drive    driver
	}{
		"go by verb":        {goServices(t), byVerb},
		"go by options":     {goServices(t), byOptions},
		"python by verb":    {filepath.Join(services(t), "python"), byVerb},
		"python by options": {filepath.Join(services(t), "python"), byOptions},
	} {
		for run := range 50 {
			t.Run(fmt.Sprintf("%s %d", name, run), func(t *testing.T) {
				thirty(t, trio(t, c.location), c.drive)
			})
		}
	}
}

// The same with nobody between two commands who waits for what the bus says: the
// next conf_command is executed when the one before it has ended.
func TestSoakFiftyScenariosWithoutAPause(t *testing.T) {
	for name, location := range map[string]string{
		"go": goServices(t), "python": filepath.Join(services(t), "python"),
	} {
		for run := range 50 {
			t.Run(fmt.Sprintf("%s %d", name, run), func(t *testing.T) {
				needPyzmq(t)
				p := harness.Start(t, trio(t, location))
				context := observe(t, p, "context")
				bus := observe(t, p, "process", "control")
				for _, c := range steps {
					byVerb(t, p, c.action, c.task)
				}
				p.Wait()
				bus.expect(scenario...)
				checkCommands(t, context)
			})
		}
	}
}
