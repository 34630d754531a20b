package exits

import (
	"errors"
	"fmt"
	"io/fs"

	"mgd3/model"
)

// OfNetworks gives an error of networks its exit code, and names the flag that finds them.
func OfNetworks(n model.Networks, err error) error {
	var missing *model.NotFound
	if !errors.As(err, &missing) {
		return Fail(Model, "", err)
	}
	flag := map[model.Part]string{model.Autoencoder: "--vae", model.Denoiser: "--dit"}[missing.Part]
	// by value: these are the sentinels themselves, everything else comes from the file system
	switch missing.Err {
	case model.ErrUnnamed:
		return Fail(Usage, `"mgd3 pull" fetches published networks, "mgd3 train" makes your own, --model glyphs is `+
			`in the program; docs/models.md has more`, fmt.Errorf("missing --model, or %s", flag))
	case model.ErrOneFile:
		return Fail(Usage, flag+" names the other network",
			fmt.Errorf("%q is one file: missing %s", n.Model.Path, flag))
	case model.ErrNoFolder:
		return Fail(Model, flag+` names its folder if it is elsewhere; "mgd3 train" makes one`, err)
	}
	hint := flag + " names the folder of the network if it is elsewhere"
	if errors.Is(missing.Err, fs.ErrNotExist) {
		hint = `"mgd3 pull" fetches networks of the hub and prints where they are; ` + hint
	}
	return Fail(Model, hint, missing.Err)
}
