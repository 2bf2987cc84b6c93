package screen

// helpLines are what ? shows, within 80 by 22.
var helpLines = []string{
	"",
	"  up down (k j), pgup pgdown,      choose a task service",
	"  home end (g G)",
	"  s  x  r                          start, stop, restart it; asks first",
	"  /                                filter by words: id, instance, state, …",
	"  esc                              no filter",
	"  t                                processes that descend from it, too",
	"  l                                more room for its log",
	"  a                                transactions that are over, too",
	"  p, space                         hold still, go on",
	"",
	"  sort, and the other way round:   n name  e state  u up  R restarts",
	"                                   c CPU  m memory  d descriptors  C connections",
	"                                   o as in the file",
	"",
	"  CPU% is of one core, of the task service and all that descends from it;",
	"  its line's top is a core, or the most there was. RSS counts what they share",
	"  for each. CON are network sockets. - is not known.",
	"",
	"  q, ctrl+c                        leave",
	"  any key                          back",
}
