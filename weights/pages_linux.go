package weights

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// letGo tells the system that part of a map will hardly be read again, so that its pages do not count as memory of this
// process: a network that is loaded would have its size twice, at the peak. They stay readable, and are read from the
// file again if they must be. It is a wish: an error changes nothing.
func letGo(part []byte) {
	page := uintptr(os.Getpagesize())
	begin := uintptr(unsafe.Pointer(unsafe.SliceData(part)))
	skip := -begin & (page - 1) // pages that are wholly within
	if n := uintptr(len(part)); n >= skip+page {
		_ = unix.Madvise(part[skip:skip+(n-skip)&^(page-1)], unix.MADV_DONTNEED)
	}
}
