package doctor

import "golang.org/x/sys/unix"

// freeBytes is the room that a user has where the folder lies.
func freeBytes(dir string) (free int64, known bool) {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return 0, false
	}
	return int64(s.Bavail) * s.Bsize, true
}
