package memory

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// largePages asks for large pages. It is a wish: an error changes nothing.
func largePages(memory []byte) { _ = unix.Madvise(memory, unix.MADV_HUGEPAGE) }

// letGo gives the pages that are wholly within memory back at once, where the garbage collector would keep them until
// it has found that nobody needs them, and a while longer. Whoever still reads them reads zeros. It is a wish: an
// error changes nothing.
func letGo(memory []byte) {
	page := uintptr(os.Getpagesize())
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(memory))) & (page - 1)
	if n := uintptr(len(memory)); n >= skip+page {
		_ = unix.Madvise(memory[skip:skip+(n-skip)&^(page-1)], unix.MADV_DONTNEED)
	}
}
