package cluster

import "slices"

// Never are the exit codes of mgd3 after which another try ends alike: wrong usage, bad images, a bad model. See
// docs/exit-codes.md.
var Never = []int{2, 3, 4}

// Heals reports whether another try may help after this exit code: a full disk is made room on, a node is repaired,
// who was interrupted goes on.
func Heals(code int) bool { return code != 0 && !slices.Contains(Never, code) }
