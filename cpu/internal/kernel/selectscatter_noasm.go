//go:build !amd64 || purego

package kernel

func selectScatter(dx, x *float32, off *int, n int, dy *float32, channels int, sign uint32) {
	selectScatterGeneric(dx, x, off, n, dy, channels, sign)
}
