//go:build !race

package group

// modelSteps × the number of checks (100) is the number of random events.
const modelSteps = 3_000
