//go:build unix

package conv

import (
	"syscall"
	"time"
)

// cpuTime is the time that the process has used on all processors: on a shared machine a better measure than the
// time that passed.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
