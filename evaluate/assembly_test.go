//go:build amd64 && !purego

package evaluate

const assembly = true // of package cpu
