// Package limit judges what task services cost by the <limit> elements of their files:
// a measure that stays above its limit for as long as the element says is an
// event.Exceeded, once until it was below again.
//
//	j := limit.NewJudge()
//	j.Watch(ref, task.Limits)
//	…
//	for ref := range j.Due(now) {
//		for _, e := range j.Judge(ref, cost) { // measured just now
//			group.Put(e)
//		}
//	}
//
// It is pure: it has no clock and reads no process; what follows from an excess is for
// the transaction to decide. A process that could not be read has no measure, and
// neither keeps nor breaks a limit.
//
// What is measured is a task service with all its descendants, and for age its own
// process. Between two looks nothing is known: a measure is taken to have been above
// its limit all the time when it was at every look.
package limit
