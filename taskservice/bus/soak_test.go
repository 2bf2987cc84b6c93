//go:build soak

package bus_test

import "testing"

func TestSoakAThousandRestartsUnderLoad(t *testing.T) { surviveRestarts(t, 1000) }
