package opening

import (
	embedded "mgd3/glyphs/model"
	"mgd3/model"
	"mgd3/sets"
)

// Folder returns the folder that a name means: glyphs is the model in the program, a folder of that name is ./glyphs.
func Folder(name string) model.Folder {
	switch name {
	case "":
		return model.Folder{}
	case sets.Glyphs:
		return model.Folder{FS: embedded.Files, Path: "."}
	}
	return model.Disk(name)
}
