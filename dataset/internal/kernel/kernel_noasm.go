//go:build !amd64 || purego

package kernel

var fast = false

func rowAVX2(dst, src *uint8, first *int, weights *int32, width, n int) { panic("no assembly") }

func columnAVX2(dst, src *uint8, stride int, weights *int32, rows, n int) { panic("no assembly") }

func ycbcrAVX2(dst, y, cb, cr *uint8, n int) { panic("no assembly") }

func widenAVX2(dst, near, far *uint8, n int) { panic("no assembly") }
