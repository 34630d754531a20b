package weights

import (
	"fmt"
	"hash/crc32"
	"sync"
)

// checksum is the CRC-32 of a file in a zip, compared when the first of its bytes are used, once.
type checksum struct {
	data []byte // of the map
	want uint32
	once sync.Once
	err  error
}

// check compares the sum. It must be called where the map may be read, see [source.read].
func (c *checksum) check() error {
	if c == nil {
		return nil
	}
	c.once.Do(func() {
		c.err = fmt.Errorf("the file ends within it") // if a fault ends Do
		c.err = compare(c.data, c.want)
	})
	return c.err
}

// compare holds data against its sum. Zero stands for none: newer versions of PyTorch can leave the sums out.
func compare(data []byte, want uint32) error {
	if have := crc32.ChecksumIEEE(data); want != 0 && have != want {
		return fmt.Errorf("it is damaged: the CRC-32 of its %d bytes is %08x, the archive has %08x", len(data), have,
			want)
	}
	return nil
}
