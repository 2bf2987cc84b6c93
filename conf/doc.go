// Package conf reads what a context is made of: Context files and
// MetaServiceConf files (XML), and the configuration of a context message
// (JSON). From each come the same typed values, with the place where every one
// was written, and all mistakes at once, like a compiler's:
//
//	conf/demo.xml:14:5: task ts002: on_exit calls "ts009", which is not defined here
//
// The original's files are read as the original read them: its dictionary
// (Context.Raw, Task.Raw) is what travels in messages, and what is unknown in
// them is kept, passed on and warned of once. Our own elements are read
// strictly: an unknown name in them is an error that names the nearest right
// one.
//
//	c, err := conf.Load("conf/Context-EchoAction.xml")
//	if err != nil {
//		fmt.Fprintln(os.Stderr, err) // one mistake a line
//		os.Exit(2)
//	}
//	asked, err := conf.FromMessage(configuration)
//	…
//	task, err := conf.Admit(c, asked.Tasks[0], conf.Allowance{})
//
// Admit is the border of the product: it decides what a message may start,
// given the provider's own file. Merge writes Context files, for create_service.
//
// The package imports nothing of ours, starts nothing, and knows neither bus
// nor process. It reads the files it is given, and Admit looks at where links
// lead; nothing else touches the file system but Merge.
//
// Why not xml.Unmarshal: it drops unknown elements without a word and knows no
// positions. parseTree walks tokens; one table (table.go) says what may stand
// where, to the parser, to the hints, and to the test of the XSD.
//
// Why not one reader for XML and another for JSON: two would drift apart, and
// the difference would decide what may be started. A message is turned into the
// same tree of nodes, whose positions are JSON paths.
package conf
