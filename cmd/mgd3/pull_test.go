package main

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/internal/fixtures"
)

const pullCommit = "0123456789abcdef0123456789abcdef01234567"

// hubOf serves the files under every repository's name.
func hubOf(t *testing.T, files map[string]string) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") {
			var names []string
			for name := range files {
				names = append(names, fmt.Sprintf(`{"rfilename": %q}`, name))
			}
			fmt.Fprintf(w, `{"sha": %q, "siblings": [%s]}`, pullCommit, strings.Join(names, ","))
			return
		}
		_, name, _ := strings.Cut(r.URL.Path, "/resolve/"+pullCommit+"/")
		data := files[name]
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(strings.TrimPrefix(data, "damaged ")))))
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		if strings.HasPrefix(data, "gated") {
			w.WriteHeader(http.StatusForbidden)
		} else if r.Method != http.MethodHead {
			fmt.Fprint(w, data)
		}
	}))
	t.Cleanup(s.Close)
	for _, name := range []string{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN",
		"HF_TOKEN_PATH", "HF_HUB_OFFLINE"} {
		t.Setenv(name, "")
	}
	t.Setenv("HF_HOME", t.TempDir())
	return s
}

// ditFiles are those of a DiT's repository, and more that are not wanted.
var ditFiles = map[string]string{
	"README.md": "# DiT", "model_index.json": "{}", "scheduler/scheduler_config.json": "{}",
	"transformer/config.json": "{}", "transformer/diffusion_pytorch_model.bin": "pickle",
	"vae/config.json": "{}", "vae/diffusion_pytorch_model.bin": "pickle",
	"vae/diffusion_pytorch_model.safetensors": "tensors",
}

func TestPullAsksBeforeItFetches(t *testing.T) {
	s := hubOf(t, ditFiles)
	var out, errs strings.Builder
	if code := run([]string{"pull", "--mirror", s.URL, "dit-xl-2-256"}, &out, &errs); code != exitUsage {
		t.Fatalf("without consent: exit %d, want %d\n%s", code, exitUsage, errs.String())
	}
	for _, want := range []string{"non-commercial research only", s.URL + "/facebook/DiT-XL-2-256", "not accepted",
		"--accept-licence"} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("stderr lacks %q:\n%s", want, errs.String())
		}
	}
	if entries, _ := os.ReadDir(os.Getenv("HF_HOME")); out.Len() > 0 || len(entries) > 0 {
		t.Errorf("without consent there are %v, and stdout is %q", entries, out.String())
	}

	errs.Reset()
	if code := run([]string{"pull", "--mirror", s.URL, "--accept-licence", "dit-xl-2-256"}, &out,
		&errs); code != exitOK {
		t.Fatalf("exit %d\n%s", code, errs.String())
	}
	dir := filepath.Join(os.Getenv("HF_HOME"), "hub", "models--facebook--DiT-XL-2-256", "snapshots", pullCommit)
	if out.String() != dir+"\n" {
		t.Errorf("stdout is %q, want %q alone", out.String(), dir)
	}
	if want := "6 of 6 files, 21 B, to "; !strings.Contains(errs.String(), want) {
		t.Errorf("stderr lacks %q:\n%s", want, errs.String())
	}
	files, err := fixtures.Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"model_index.json", "scheduler/scheduler_config.json", "transformer/config.json",
		"transformer/diffusion_pytorch_model.bin", "vae/config.json", "vae/diffusion_pytorch_model.safetensors"}
	var got []string
	for name := range files {
		got = append(got, name)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("the folder has %v, want %v", got, want)
	}

	// What is there needs no consent, and no hub.
	for _, args := range [][]string{{"--mirror", s.URL, "dit-xl-2-256"}, {"--offline", "dit-xl-2-256"},
		{"--offline", "--mirror", "http://127.0.0.1:1", "facebook/DiT-XL-2-256", "--include", "vae/*.safetensors"}} {
		out.Reset()
		errs.Reset()
		if code := run(append([]string{"pull"}, args...), &out, &errs); code != exitOK || out.String() != dir+"\n" ||
			errs.Len() > 0 {
			t.Errorf("%v: exit %d, stdout %q, stderr %q", args, code, out.String(), errs.String())
		}
	}
}

func TestPullFailures(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		args  []string
		code  int
		want  []string
	}{
		{"gated", map[string]string{"data/train-0.parquet": "gated", "data/validation-0.parquet": ""},
			[]string{"--accept-licence", "imagenet-1k"},
			exitHub, []string{"ILSVRC/imagenet-1k", "data/train-0.parquet", "accept the terms on",
				"/datasets/ILSVRC/imagenet-1k", "HF_TOKEN"}},
		{"damaged", map[string]string{"config.json": "damaged {}", "diffusion_pytorch_model.safetensors": ""},
			[]string{"taesd"},
			exitHub, []string{"madebyollin/taesd: config.json", "the file's hash is", "nothing of it is kept"}},
		{"no such file", map[string]string{"config.json": "{}"}, []string{"taesd"},
			exitHub, []string{"no file is diffusion_pytorch_model*, there are config.json"}},
		{"bad pattern", map[string]string{"config.json": "{}"}, []string{"taesd", "--include", "["}, exitUsage,
			[]string{`pattern "["`}},
		{"a name that leaves", map[string]string{"../../evil": "x"}, []string{"org/name"}, exitHub,
			[]string{`"../../evil"`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := hubOf(t, test.files)
			var out, errs strings.Builder
			code := run(append([]string{"pull", "--mirror", s.URL}, test.args...), &out, &errs)
			if code != test.code || out.Len() > 0 {
				t.Errorf("exit %d, stdout %q, want %d and nothing", code, out.String(), test.code)
			}
			for _, want := range test.want {
				if !strings.Contains(errs.String(), want) {
					t.Errorf("stderr lacks %q:\n%s", want, errs.String())
				}
			}
		})
	}
}
