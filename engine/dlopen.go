//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && arm64))

package engine

// #cgo linux LDFLAGS: -ldl
// #include <dlfcn.h>
// #include <stdlib.h>
// static void *call(void *f) { return ((void *(*)(void))f)(); }
import "C"

import (
	"errors"
	"unsafe"
)

// loadLibrary loads a shared library for good, so that later ones find it by its name.
func loadLibrary(path string) error {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	if C.dlopen(name, C.RTLD_NOW|C.RTLD_GLOBAL) == nil {
		return errors.New(C.GoString(C.dlerror()))
	}
	return nil
}

// pjrtAPI loads a plugin for good and returns its table of functions, for go-xla.
func pjrtAPI(path string) (uintptr, error) {
	name, symbol := C.CString(path), C.CString("GetPjrtApi")
	defer C.free(unsafe.Pointer(name))
	defer C.free(unsafe.Pointer(symbol))
	library := C.dlopen(name, C.RTLD_LAZY|C.RTLD_LOCAL)
	if library == nil {
		return 0, errors.New(C.GoString(C.dlerror()))
	}
	function := C.dlsym(library, symbol)
	if function == nil {
		return 0, errors.New(C.GoString(C.dlerror()))
	}
	api := C.call(function)
	if api == nil {
		return 0, errors.New("its GetPjrtApi returns nothing")
	}
	return uintptr(api), nil
}
