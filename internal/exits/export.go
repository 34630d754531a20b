package exits

import (
	"errors"
	"fmt"
	"os"

	"mgd3/distill"
	"mgd3/export"
)

// OfExport gives an error of exporting the set in dir its exit code and advice.
func OfExport(dir string, err error) error {
	switch {
	// a manifest that is there and cannot be used is a damaged set; none at all is no set
	case errors.Is(err, export.ErrChanged), errors.Is(err, export.ErrSet) && !errors.Is(err, os.ErrNotExist):
		return Fail(Verify, fmt.Sprintf(`"mgd3 verify %s" lists all that differ; %s`, dir, Remake), err)
	case errors.Is(err, export.ErrSizes):
		return Fail(Input, "the forms folder, zip, parquet and webdataset take images of any size", err)
	case errors.Is(err, export.ErrExists):
		return Fail(Output, "use another --out, or remove what is there", err)
	case errors.Is(err, export.ErrSet):
		return Fail(Input, ManifestHint(dir, err), err)
	}
	return err
}

// ManifestHint is the advice where the manifest in dir cannot be read.
func ManifestHint(dir string, err error) string {
	switch {
	case distill.Begun(dir):
		return `the run is not finished: the command that began it, or "mgd3 merge" of shards, writes the manifest`
	case errors.Is(err, os.ErrNotExist):
		return `"mgd3 distill" writes the manifest when all images are there`
	}
	return ""
}
