package memory

import "golang.org/x/sys/unix"

// largePages asks for large pages. It is a wish: an error changes nothing.
func largePages(memory []byte) { _ = unix.Madvise(memory, unix.MADV_HUGEPAGE) }
