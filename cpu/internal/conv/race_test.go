//go:build race

package conv

// The race detector is slow, and makes sync.Pool forget at random.
const raceDetector = true
