package weights

import (
	"strings"
	"testing"
)

// TestFirstNames: every tensor of the published U-Nets gets the name back that the first programs have for it.
func TestFirstNames(t *testing.T) {
	for kind, names := range ldmNames(t) {
		t.Run(kind, func(t *testing.T) {
			var ours []string
			for _, name := range names {
				ours = append(ours, name)
			}
			to := unetFirst(AsIs(fileOf(t, ours...)))
			for want, name := range names {
				if got := to(name); got != strings.TrimPrefix(want, diffusionModel) {
					t.Errorf("%q is %q, want %q", name, got, want)
				}
			}
		})
	}
}
