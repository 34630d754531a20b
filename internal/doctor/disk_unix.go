//go:build unix && !solaris

package doctor

import "golang.org/x/sys/unix"

// writable reports whether files can be made in a folder; it makes none.
func writable(dir string) bool { return unix.Access(dir, unix.W_OK|unix.X_OK) == nil }
