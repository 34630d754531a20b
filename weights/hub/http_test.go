package hub

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestTheTokenStaysWithTheHub(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	c.Token = "secret"
	var got []string
	s.fault = func(_ http.ResponseWriter, r *http.Request) bool {
		got = append(got, r.Header.Get("Authorization"))
		return false
	}
	if _, err := pull(t.Context(), c, Want{Include: []string{big}}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"Bearer secret", "Bearer secret", "Bearer secret"}; !slices.Equal(got, want) {
		t.Errorf("the hub got %q, want %q", got, want)
	}
	if want := []string{""}; !slices.Equal(s.tokens, want) {
		t.Errorf("the other host got %q, want one request without a token", s.tokens)
	}
	if open := mustRequest(t, "http://mirror.example/x"); private(open.URL) {
		t.Error("http://mirror.example is taken for private")
	}
	from, to := mustRequest(t, "https://hub.example/x"), mustRequest(t, "http://hub.example/x")
	if redirect(to, []*http.Request{from}) == nil {
		t.Error("a redirect from https to http is followed")
	}
}

func mustRequest(t *testing.T, address string) *http.Request {
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestErrorsKeepSignaturesSecret(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	s.cdn.Close()
	_, err := pull(t.Context(), c, Want{Include: []string{big}})
	if !errors.Is(err, ErrNetwork) || strings.Contains(err.Error(), "signature") {
		t.Errorf("got %v, want ErrNetwork without the address", err)
	}
}

// The proxies of the environment are read once in a program, so another one asks.
func TestProxy(t *testing.T) {
	if os.Getenv("HUB_TEST_PROXY") != "" {
		c, err := New()
		if err == nil {
			_, err = pull(t.Context(), c, Want{Include: []string{"config.json"}})
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	s := newServer(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxy$")
	cmd.Env = []string{"HUB_TEST_PROXY=1", "HTTP_PROXY=" + s.URL, "HF_ENDPOINT=http://hub.invalid", "HF_HOME=" +
		t.TempDir()}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if s.count() != 3 {
		t.Errorf("the proxy got %v, want the list, the headers and the file", s.requests)
	}
}
