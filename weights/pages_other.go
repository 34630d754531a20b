//go:build !linux

package weights

func letGo([]byte) {}
