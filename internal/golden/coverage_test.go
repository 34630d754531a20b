package golden

import (
	"cmp"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// required names, per kind of case, the package whose tests must run it.
var required = map[string]string{
	"schedule": "diffusion", "dit": "dit", "sampling": "dit", "vae": "latent", "kmeans": "modes",
	"preprocess": "dataset",
	"nets":       "evaluate", "augment": "evaluate", "metrics": "scores",
}

// own names the kinds that other folders of cases need not have.
var own = map[string]string{
	"sd_schedulers": "diffusion", "sd_spacings": "diffusion", "sd_solvers": "diffusion",
	"sd_pipeline": "model", "class_pipeline": "model", "taesd": "latent",
	"lpips": "features", "archives": "weights", "whole": "distill",
	"text": "text", "unet": "unet", "vq": "latent", "libnets": "evaluate",
}

// parts names, per kind of case of other folders, the packages that run a part of it each.
var parts = map[string][]string{
	"sd_text": {"diffusion", "text", "unet"},
}

// TestEveryCaseHasATest goes through all cases: each must be run by the tests of a package,
// or be run in parts; and each folder of cases must have one of each required kind.
func TestEveryCaseHasATest(t *testing.T) {
	for _, root := range roots(t) {
		everyCaseHasATest(t, root)
	}
}

func everyCaseHasATest(t *testing.T, root string) {
	runBy := callers(t)
	have := map[string]bool{}
	for _, c := range below(t, root) {
		kind := kindOf(c)
		have[kind] = true
		t.Run(c.Name, func(t *testing.T) {
			if kind == "sampling" {
				reportManifold(t, c)
			}
			switch home := cmp.Or(required[kind], own[kind]); {
			case home != "" && slices.Contains(runBy[kind], home):
				t.Logf("run by the tests of %s", strings.Join(runBy[kind], ", "))
			case home != "":
				t.Errorf("no test of %s runs it; tests of %q do", home, runBy[kind])
			case parts[kind] != nil:
				for _, pkg := range parts[kind] {
					if !slices.Contains(runBy[kind], pkg) {
						t.Errorf("no test of %s runs its part; tests of %q do", pkg, runBy[kind])
					}
				}
			default:
				t.Errorf("%s: unknown kind of case, want one of %q, %q or %q", c.Dir, sortedKeys(required),
					sortedKeys(own), sortedKeys(parts))
			}
		})
	}
	must := sortedKeys(required)
	if root == roots(t)[0] {
		must = append(must, sortedKeys(own)...)
	}
	for _, kind := range must {
		if !have[kind] {
			t.Errorf("no case of kind %q below %s", kind, root)
		}
	}
}

// reportManifold reports the runs of a sampling case whose guidance is not implemented yet.
func reportManifold(t *testing.T, c Case) {
	var settings struct {
		Runs []struct {
			Name     string
			Manifold json.RawMessage // the settings of that guidance, where it is on
		}
	}
	c.Decode(t, &settings)
	for _, run := range settings.Runs {
		if run.Manifold != nil {
			t.Run(run.Name, func(t *testing.T) { t.Skip("not run yet: manifold guidance is not implemented") })
		}
	}
}

// kindOf returns the known kind that the case's name begins with, or "".
func kindOf(c Case) string {
	for _, kind := range slices.Concat(sortedKeys(required), sortedKeys(own), sortedKeys(parts)) {
		if strings.HasPrefix(c.Name, kind) {
			return kind
		}
	}
	return ""
}

// callers reads the module's tests and returns, per kind, the packages that ask for its
// cases by golden.Cases(t, "KIND") or golden.Some(t, "KIND"), or look for their names.
func callers(t *testing.T) map[string][]string {
	call := regexp.MustCompile(`(?:golden\.(?:Cases|Some)\(\w+|HasPrefix\(c\.Name), "(\w+)"\)`)
	module := os.DirFS(filepath.Join("..", ".."))
	runBy := map[string][]string{}
	err := fs.WalkDir(module, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := fs.ReadFile(module, path)
		for _, m := range call.FindAllSubmatch(source, -1) {
			kind, pkg := string(m[1]), filepath.ToSlash(filepath.Dir(path))
			if !slices.Contains(runBy[kind], pkg) {
				runBy[kind] = append(runBy[kind], pkg)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return runBy
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
