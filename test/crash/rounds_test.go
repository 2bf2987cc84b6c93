//go:build !soak

package crash

const (
	rounds   = 10
	services = 12

	keeperRounds  = 2
	upgradeRounds = 1
	pointRounds   = 4
)
