//go:build soak

package churn

import "time"

const (
	length = 30 * time.Minute
	every  = 10 * time.Second // between two samples
)
