package encode

import (
	"fmt"
	"path/filepath"
	"strings"

	"mgd3/stage"
)

// Record is the settings file of a folder of latents. It is read back by later stages, perhaps on another machine, so
// what it says is checked before it is used.
type Record struct {
	Settings    Settings `json:"settings"`
	Classes     []string `json:"classes"`
	Autoencoder string   `json:"autoencoder"` // SHA-256 of the weights
	Shape       []int    `json:"shape"`       // [c, h, w]
	Backend     string   `json:"backend"`
	Batch       int      `json:"batch,omitempty"` // rows of a graph, where bytes depend on them; else 0
	Part        string   `json:"part,omitempty"`  // see [Part]; "" means all images
}

// Check names the first thing in the record that no run writes, the name of a class that is a path elsewhere say.
func (c Record) Check() error {
	if len(c.Classes) == 0 {
		return fmt.Errorf("%s: it has no classes, want at least one", stage.SettingsFile)
	}
	for _, class := range c.Classes {
		if class == "" || class == "." || !filepath.IsLocal(class) || strings.ContainsAny(class, `/\`) {
			return fmt.Errorf("%s: class %q is not the name of a folder", stage.SettingsFile, class)
		}
	}
	if len(c.Shape) != 3 || min(c.Shape[0], c.Shape[1], c.Shape[2]) < 1 {
		return fmt.Errorf("%s: the latents have shape %v, want [c, h, w]", stage.SettingsFile, c.Shape)
	}
	return c.Settings.Check()
}
