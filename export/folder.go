package export

import (
	"context"
	"path/filepath"
)

// folder writes a copy of the images and the manifest: what "mgd3 verify" checks and torchvision's
// ImageFolder(OUT/images) reads.
func (s *set) folder(ctx context.Context, out string, o Options) error {
	for p, err := range s.images(ctx) {
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(out, filepath.FromSlash(p.file)), p.data); err != nil {
			return err
		}
	}
	var about Card
	if o.Card != nil {
		about = *o.Card
	}
	card, err := s.card(about, "images/**", false)
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(out, cardName), card); err != nil {
		return err
	}
	return writeFile(filepath.Join(out, manifestName), s.manifest)
}
