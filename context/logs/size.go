package logs

import (
	"io/fs"
	"path/filepath"
)

// Size is how many bytes the log files in a state directory have, cut and compressed
// ones too. What vanishes while it is counted does not count.
func Size(stateDir string) int64 {
	var size int64
	// Every error is of something that is not there, or not ours to read.
	_ = filepath.WalkDir(filepath.Join(stateDir, "logs"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	return size
}
