package parquet

import (
	"bytes"
	"compress/gzip"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Codecs of pages, by their numbers.
const (
	uncompressed = 0
	codecSnappy  = 1
	codecGzip    = 2
	codecBrotli  = 4
	codecZstd    = 6
	codecLZ4     = 7
)

// codecNames are those that are not read. The older LZ4 has a frame that its writers did not agree on.
var codecNames = map[int]string{3: "LZO", 5: "the older LZ4"}

// decompress returns the n bytes that src was made from. It makes room for no more.
func decompress(codec int, src []byte, n int) ([]byte, error) {
	var dst []byte
	var err error
	switch codec {
	case uncompressed:
		dst = src
	case codecSnappy:
		if len(src) == 0 && n == 0 {
			return nil, nil
		}
		if size, err := snappy.DecodedLen(src); err != nil || size != n {
			return nil, bad("a page of %d bytes whose compressed form says %d", n, size)
		}
		dst, err = snappy.Decode(make([]byte, n), src)
	case codecGzip:
		dst, err = gunzip(src, n)
	case codecBrotli:
		dst = make([]byte, n)
		_, err = io.ReadFull(brotli.NewReader(bytes.NewReader(src)), dst)
	case codecZstd:
		dst, err = unzstd(src, n)
	case codecLZ4:
		dst, err = unlz4(src, n)
	default:
		return nil, bad("compressed with %s (codec %d), want Snappy, gzip, zstd, Brotli, LZ4 or none",
			codecNames[codec], codec)
	}
	if err != nil {
		return nil, bad("decompressing a page: %w", err)
	}
	if len(dst) != n {
		return nil, bad("a page of %d bytes, want %d", len(dst), n)
	}
	return dst, nil
}

// gunzip reads n bytes and leaves what follows: members behind them, and the checksum, are not looked at. Pages have
// their own.
func gunzip(src []byte, n int) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(src))
	if err != nil {
		return nil, err
	}
	dst := make([]byte, n)
	if _, err := io.ReadFull(z, dst); err != nil {
		return nil, err
	}
	return dst, nil
}

// unlz4 reads a block without a frame (LZ4_RAW).
func unlz4(src []byte, n int) ([]byte, error) {
	if n == 0 && len(src) == 0 {
		return nil, nil
	}
	dst := make([]byte, n)
	n, err := lz4.UncompressBlock(src, dst)
	if err != nil {
		return nil, err
	}
	return dst[:n], nil
}

// unzstd reads n bytes of a frame. The decoder would make room for the window that a frame asks for, so that is
// bounded.
func unzstd(src []byte, n int) ([]byte, error) {
	z, err := zstd.NewReader(bytes.NewReader(src), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	dst := make([]byte, n)
	if _, err := io.ReadFull(z, dst); err != nil {
		return nil, err
	}
	return dst, nil
}

// maxWindow is the window up to which zstd is read, in bytes: that of the usual levels is 8 MiB at most.
const maxWindow = 32 << 20
