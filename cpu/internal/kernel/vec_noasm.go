//go:build !amd64 || purego

package kernel

// vecTables returns the kernels of a level.
func vecTables(Level) vecTable { return vecGeneric }
