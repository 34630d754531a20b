// Package process tells whether another process of this machine is alive, from what it left in a file.
package process

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// ID is a process as others may look for it. It is written in the locks and the leases of a bucket, and in those of a
// folder that machines share.
type ID struct {
	Host string `json:"host,omitempty"` // the boot and the process numbers' space that PID is of; "" is not known
	PID  int    `json:"pid"`
}

// host names what process numbers are of: a boot of the system, and a container in it. "" where that is not known.
var host = sync.OnceValue(func() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	space, errSpace := os.Readlink("/proc/self/ns/pid")
	if err != nil || errSpace != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + " " + space
})

// This is this process.
func This() ID { return ID{host(), os.Getpid()} }

// Here reports whether it has this process' number, in the same place. It may be an earlier one.
func (id ID) Here() bool { return id == This() && id.Host != "" }

// Gone reports whether it was a process of this machine that has ended. Where that is not known it says no.
func (id ID) Gone() bool {
	if id.Host == "" || id.Host != host() || runtime.GOOS != "linux" {
		return false
	}
	_, err := os.Stat("/proc/" + strconv.Itoa(id.PID))
	return errors.Is(err, fs.ErrNotExist)
}
