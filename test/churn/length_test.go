//go:build !soak

package churn

import "time"

const (
	length = 1300 * time.Millisecond
	every  = 500 * time.Millisecond
)
