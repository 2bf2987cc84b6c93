package access

import (
	"fmt"
	"os"
)

// Where is the address at which a verb listens: endpoint, if it was given, else that of
// the Context file that a flag, an argument or $ZMS_CONTEXT names, in this order. With
// none of them there is nothing to do, as the error says: "nothing to view".
func Where(do, endpoint, contextFile string, args []string) (string, error) {
	path := os.Getenv("ZMS_CONTEXT")
	switch {
	case endpoint != "":
		return endpoint, nil
	case contextFile != "":
		path = contextFile
	case len(args) > 0:
		path = args[0]
	}
	if path == "" {
		return "", fmt.Errorf("nothing to %s: name a Context file or --endpoint", do)
	}
	return FrontEnd(path)
}
