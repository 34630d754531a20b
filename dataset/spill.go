package dataset

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
)

// spill is a file without a name that has the numbers of row groups for which there is no more room in memory, as bytes
// or as float32, little end first. It goes with the process.
type spill struct {
	file *os.File
	size int64
}

// spilled is where the numbers of a group begin in it.
type spilled struct {
	at    int64
	bytes bool
}

// keep writes the numbers of a group. An error leaves what was written before.
func (s *spill) keep(n *numbers) (*spilled, error) {
	if s.file == nil {
		f, err := os.CreateTemp("", "mgd3-*")
		if err != nil {
			return nil, err
		}
		if err := os.Remove(f.Name()); err != nil { // on systems where an open file keeps its name
			return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
		s.file = f
	}
	data := n.bytes
	if n.floats != nil {
		data = make([]byte, 0, 4*len(n.floats))
		for _, v := range n.floats {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
	}
	if _, err := s.file.WriteAt(data, s.size); err != nil {
		return nil, err
	}
	at := s.size
	s.size += int64(len(data))
	return &spilled{at, n.floats == nil}, nil
}

// read fills dst with numbers of a group, from the first one on.
func (s *spill) read(dst []float32, group spilled, first int) error {
	size := 4
	if group.bytes {
		size = 1
	}
	data := make([]byte, size*len(dst))
	if _, err := s.file.ReadAt(data, group.at+int64(size*first)); err != nil {
		return err
	}
	for i := range dst {
		if group.bytes {
			dst[i] = float32(data[i])
			continue
		}
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return nil
}
