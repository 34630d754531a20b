package weights

import "strings"

var torchvisionRules = rules(
	[2]string{`^(module\.)?(conv1|bn1)\.`, "layer0.$2."},
	[2]string{`^module\.`, ""},
)

// Torchvision returns a classifier's tensors under the names of package evaluate, which are torchvision's but for the
// stem of ResNets. What a training on several devices puts before all names goes, and so do batch norms' counts of
// batches, which no formula needs.
func Torchvision(f *File) (*Set, error) {
	s, err := rename(f, torchvisionRules)
	if err != nil {
		return nil, err
	}
	for _, name := range s.Names() {
		if strings.HasSuffix(name, ".num_batches_tracked") {
			delete(s.parts, name)
		}
	}
	return s, nil
}
