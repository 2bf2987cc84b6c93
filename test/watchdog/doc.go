// Package watchdog tells one story with the built product, as an operator would see it:
// a context of five task services of which two are stopped, continued, killed and
// restarted by a transition, while the watchdog is killed in the middle. It is asked by
// conf_command, the tally by its page, and the database by the sqlite3 program.
package watchdog
