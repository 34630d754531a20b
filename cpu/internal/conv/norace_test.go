//go:build !race

package conv

const poolForgets = false
