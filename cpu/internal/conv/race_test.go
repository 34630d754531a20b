//go:build race

package conv

// The race detector makes sync.Pool forget at random.
const poolForgets = true
