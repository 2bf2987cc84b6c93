package top

import (
	"testing"

	"zmicroservices/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m, nil) }
