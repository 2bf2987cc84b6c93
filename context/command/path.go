package command

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
)

// Version is the version of the control socket's protocol. It only grows; a
// front of an older one keeps working.
const Version = 1

// RuntimeDir is where the sockets and FIFOs of all contexts lie: flag, else
// $ZMS_RUNTIME_DIR, else /run/zmicroservices for root, else
// $XDG_RUNTIME_DIR/zmicroservices, else a folder of ours under the temporary one.
func RuntimeDir(flag string) string {
	switch {
	case flag != "":
		return flag
	case os.Getenv("ZMS_RUNTIME_DIR") != "":
		return os.Getenv("ZMS_RUNTIME_DIR")
	case os.Getuid() == 0:
		return "/run/zmicroservices"
	case os.Getenv("XDG_RUNTIME_DIR") != "":
		return filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "zmicroservices")
	default:
		return filepath.Join(os.TempDir(), "zmicroservices-"+strconv.Itoa(os.Getuid()))
	}
}

// StateHome is where the state of all contexts lies by custom: /var/lib for root, else the
// XDG base directory for state.
func StateHome() string {
	switch {
	case os.Getuid() == 0:
		return "/var/lib/zmicroservices"
	case os.Getenv("XDG_STATE_HOME") != "":
		return filepath.Join(os.Getenv("XDG_STATE_HOME"), "zmicroservices")
	default:
		return filepath.Join(os.Getenv("HOME"), ".local", "state", "zmicroservices")
	}
}

// Folder is the folder of one context under a runtime or state directory. Its
// name is short, so that socket paths stay under 108 bytes, and the same for
// everybody who reads the same Context file.
func Folder(dir, contextID, frontEnd, backend string) string {
	sum := sha256.Sum256([]byte(contextID + "\x00" + frontEnd + "\x00" + backend))
	return filepath.Join(dir, hex.EncodeToString(sum[:6]))
}

// SocketPath is the control socket of a context: named by ContextID and the two
// endpoints of its file.
func SocketPath(runtimeDir, contextID, frontEnd, backend string) string {
	return filepath.Join(Folder(runtimeDir, contextID, frontEnd, backend), SocketName)
}

// SocketName is the control socket in its context's folder.
const SocketName = "control"
