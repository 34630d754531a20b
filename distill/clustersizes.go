package distill

import (
	"errors"
	"fmt"

	"mgd3/matrix"
	"mgd3/stage"
)

// ClusterSizes counts modes by how many real images they stand for.
type ClusterSizes struct {
	Modes  int `json:"modes"`
	Empty  int `json:"empty"`  // no real image: a surplus mode, which repeats another or a real latent
	Single int `json:"single"` // one real image
}

func (m *ClusterSizes) add(n int64) {
	m.Modes++
	switch n {
	case 0:
		m.Empty++
	case 1:
		m.Single++
	}
}

// String says how many modes stand for next to nothing; "" if there are none.
func (m ClusterSizes) String() string {
	if m.Empty+m.Single == 0 {
		return ""
	}
	return fmt.Sprintf("%d have no real image, %d have one", m.Empty, m.Single)
}

// ClusterSizes counts the modes of a manifest. That of a set of real images has none.
func (m *Manifest) ClusterSizes() ClusterSizes {
	var c ClusterSizes
	real := int64(0)
	for _, class := range m.Classes {
		for _, im := range class.Images {
			c.add(im.ClusterSize)
			real += im.ClusterSize
		}
	}
	if real == 0 {
		return ClusterSizes{}
	}
	return c
}

// ReadClusterSizes counts the modes that [Run.Discover] has written below out, those of other shards as far as they
// are there.
func ReadClusterSizes(out string) (ClusterSizes, error) {
	var c ClusterSizes
	var record modesRecord
	if err := stage.ReadLocked(modesDir(out), &record); err != nil {
		return c, err
	}
	if err := record.Check(); err != nil {
		return c, fmt.Errorf("%s: %w", modesDir(out), err)
	}
	for _, class := range record.Latents.Classes {
		m, err := record.read(out, class)
		if errors.Is(err, stage.ErrStage) {
			continue
		}
		if err != nil {
			return c, err
		}
		for _, n := range m.Sizes {
			c.add(n)
		}
	}
	return c, nil
}

// fewDifferent says where a class of n images has fewer different ones than it is to have modes; "" elsewhere. A
// class of fewer images than modes has been asked for.
func fewDifferent(x matrix.Matrix, k int) string {
	_, different := matrix.Distinct(x)
	if different >= min(k, x.Rows) {
		return ""
	}
	return fmt.Sprintf("%d different images among %d, fewer than the %d modes: some modes will be copies, of mass 0",
		different, x.Rows, k)
}
