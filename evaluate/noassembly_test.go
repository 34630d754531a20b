//go:build !amd64 || purego

package evaluate

const assembly = false // of package cpu
