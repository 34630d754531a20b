//go:build race

package cpu

// RaceDetector tells whether the race detector is on. It also checks pointers, and those of the portable backend's
// products do not stand that; and it makes pools forget at random.
const RaceDetector = true
