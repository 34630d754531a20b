package terminal

import (
	"io"
	"sync"

	"mgd3/stage/atomicfile"
)

// Sink is standard output. It remembers the first error of a write, so that a command whose words were lost does
// not end as if all were well, whoever printed them.
type Sink struct {
	mu  sync.Mutex
	to  io.Writer
	err error
}

func (s *Sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.to.Write(p)
	if err != nil {
		s.err = atomicfile.Failed("standard output", err)
	}
	return n, s.err
}

// Fd is that of the file, by which a terminal is known; what is no file has the largest.
func (s *Sink) Fd() uintptr {
	return fd(s.to)
}

// NewSink returns standard output as w.
func NewSink(w io.Writer) *Sink { return &Sink{to: w} }

// Failure returns the error of the first write that failed.
func (s *Sink) Failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
