//go:build race

package group

// modelSteps × the number of checks (100) is the number of random events. The
// race detector has nothing to find in a pure function: a tenth is enough here.
const modelSteps = 300
