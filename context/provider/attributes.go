package provider

import (
	"zmicroservices/conf"
	"zmicroservices/context/keeper"
	"zmicroservices/context/launch"
)

// attributes are what a task service asks for in its <Process>, in the keeper's
// words; nil if it asks for nothing, so that it costs nothing.
func attributes(p *conf.Process, who *launch.Account) *keeper.Attributes {
	limits := p.Limits.RLimits()
	if who == nil && p.Umask == nil && p.Nice == nil && len(p.Affinity) == 0 && len(limits) == 0 {
		return nil
	}
	a := &keeper.Attributes{Umask: p.Umask, Nice: p.Nice, Affinity: p.Affinity}
	if who != nil {
		a.Credential = &keeper.Credential{Name: who.Name, UID: who.UID, GID: who.GID, Groups: who.Groups}
	}
	for _, l := range limits {
		a.Limits = append(a.Limits, keeper.RLimit{Name: l.Name, Soft: l.Soft, Hard: l.Hard})
	}
	return a
}
