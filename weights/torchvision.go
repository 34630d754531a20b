package weights

import "strings"

var torchvisionRules = rules(
	[2]string{`^(conv1|bn1)\.`, "layer0.$1."},
)

// OpenTorchvision opens a classifier's file, and returns its tensors as [Torchvision] names them. The caller closes the
// file.
func OpenTorchvision(path string) (*File, *Set, error) {
	f, err := Open(path)
	if err != nil {
		return nil, nil, err
	}
	s, err := Torchvision(f)
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, s, nil
}

// Torchvision returns a classifier's tensors under the names of package evaluate, which are torchvision's but for the
// stem of ResNets. Batch norms' counts of batches go, which no formula needs, and Swin's indices, which follow from the
// window.
func Torchvision(f *File) (*Set, error) {
	s, err := rename(f, torchvisionRules)
	if err != nil {
		return nil, err
	}
	for _, name := range s.Names() {
		if strings.HasSuffix(name, ".num_batches_tracked") || strings.HasSuffix(name, ".relative_position_index") {
			delete(s.parts, name)
		}
	}
	return s, nil
}
