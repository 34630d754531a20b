// Package weights reads and writes tensor files and gives a model's tensors the names our
// graphs know.
//
// It reads what PyTorch's torch.save writes, see pytorch.go, and safetensors (https://huggingface.co/docs/safetensors),
// which it writes too:
//
//	file   = uint64 n (little-endian) ‖ n bytes of JSON ‖ data
//	JSON   = {"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, …,
//	          "__metadata__": {"key": "value", …}}
//	data   = the tensors' elements, little-endian, row-major, without gaps or overlaps
//
// Offsets count from the end of the JSON. Files are mapped into memory, not read: a tensor
// costs memory once, when it is converted. A file is hostile until every field of its header
// has been held against the file's length, in parseHeader. (The safetensors package of
// go-huggingface v0.3.5 does not serve: it reads hub repositories only, lets the second of
// two equal names win, slices past the end of the file on a bad offset, and does not write.)
//
//	File    one file or the shards of one model: tensors under the names in the file
//	Set     the same tensors under our names: DiT, Autoencoder, AsIs
//	Spec    one tensor a graph wants; Set.Load checks a set against all of them
//	Shard   one file of a set that is to be written: Conversion
package weights

import "errors"

var (
	// ErrFormat marks a file that is not what its format promises: cut short, overlapping,
	// mislabelled, or something else altogether.
	ErrFormat = errors.New("not a valid weights file")

	// ErrKind marks an ErrFormat of which it is not known what it is.
	ErrKind = errors.New("a file of no known kind")

	// ErrUnreadable marks what is in the place of a file and is none, or is far too large for one, and a tensor
	// that is needed and of a kind that is not read.
	ErrUnreadable = errors.New("cannot be read")

	// ErrMismatch marks a sound file whose tensors are not those the model needs.
	ErrMismatch = errors.New("weights do not fit the model")
)
