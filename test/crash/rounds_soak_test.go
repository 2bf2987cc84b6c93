//go:build soak

package crash

const (
	rounds   = 100
	services = 50

	keeperRounds  = 20
	upgradeRounds = 20
	pointRounds   = 100
)
