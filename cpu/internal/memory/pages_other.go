//go:build !linux

package memory

func largePages([]byte) {}
func letGo([]byte)      {}
