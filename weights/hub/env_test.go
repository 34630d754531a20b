package hub

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestEnvironment(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	names := []string{"HOME", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN",
		"HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_ENDPOINT"}
	tests := []struct {
		env                    map[string]string
		cache, token, endpoint string
	}{
		{map[string]string{"HOME": "/h"}, "/h/.cache/huggingface/hub", "", defaultEndpoint},
		{map[string]string{"HOME": "/h", "XDG_CACHE_HOME": "/x"}, "/x/huggingface/hub", "", defaultEndpoint},
		{map[string]string{"HF_HOME": dir}, filepath.Join(dir, "hub"), "from-file", defaultEndpoint},
		{map[string]string{"HF_HOME": dir, "HF_TOKEN": " t ", "HF_HUB_CACHE": "/c"}, "/c", "t", defaultEndpoint},
		{map[string]string{"HF_HOME": "/none", "HF_TOKEN_PATH": filepath.Join(dir, "token"),
			"HF_ENDPOINT": "https://m.example/hf/"},
			"/none/hub", "from-file", "https://m.example/hf"},
	}
	for _, test := range tests {
		for _, name := range names {
			t.Setenv(name, test.env[name])
		}
		c, err := New()
		if err != nil || c.Cache != test.cache || c.Token != test.token || c.Endpoint != test.endpoint {
			t.Errorf("%v: got cache %s, token %q, hub %s, %v", test.env, c.Cache, c.Token, c.Endpoint, err)
		}
	}
	for _, bad := range []string{"mirror.example", "ftp://m.example", "https://", "https://u:p@m.example",
		"https://m.example/?x=1"} {
		if err := new(Client).SetEndpoint(bad); !errors.Is(err, ErrName) {
			t.Errorf("%s: got %v, want ErrName", bad, err)
		}
	}
}
