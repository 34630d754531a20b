//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mgd3/internal/exits"
	"mgd3/internal/fixtures"
)

// TestServeCommand: the address that is printed has its token and is one of this machine alone; it opens the page, and
// without the token it opens nothing; Ctrl-C ends the server.
func TestServeCommand(t *testing.T) {
	dir := t.TempDir()
	if err := fixtures.Images(filepath.Join(dir, "set"), 2); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary(t), "serve", "set")
	cmd.Dir = dir
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(strings.TrimSpace(line))
	if err != nil || address.Hostname() != "127.0.0.1" || address.Query().Get("token") == "" {
		t.Fatalf("it printed %q, %v, want an address of 127.0.0.1 with a token", line, err)
	}
	if code, body := got(t, address); code != http.StatusOK || !strings.Contains(body, "<html") {
		t.Errorf("its own address: %d, %.80q", code, body)
	}
	address.RawQuery = ""
	if code, _ := got(t, address); code == http.StatusOK {
		t.Error("the page opens without the token")
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exits.Interrupted {
		t.Errorf("after Ctrl-C: %v, want exit code %d", err, exits.Interrupted)
	}
	if want := `"set" has nothing of a run`; !strings.Contains(said.String(), want) {
		t.Errorf("a folder without a run: it said %q, want %q", said.String(), want)
	}
}

// got is what a browser without cookies of its own gets.
func got(t *testing.T, address *url.URL) (code int, body string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Jar: jar}).Get(address.String())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}
