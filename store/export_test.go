package store

import "time"

// SetTimes changes what store waits for until the returned function is called.
func SetTimes(first, longest, forAll, forOne time.Duration) (restore func()) {
	a, b, c, d := firstWait, longestWait, patience, tryTime
	firstWait, longestWait, patience, tryTime = first, longest, forAll, forOne
	return func() { firstWait, longestWait, patience, tryTime = a, b, c, d }
}

// SetTellAfter changes after what time a line is said until the returned function is called.
func SetTellAfter(d time.Duration) (restore func()) {
	old := tellAfter
	tellAfter = d
	return func() { tellAfter = old }
}
