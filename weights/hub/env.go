package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mgd3/stage/atomicfile"
)

// maxToken is how many bytes the file of a token may have.
const maxToken = 1 << 16

// The variables that Python's huggingface_hub reads, with the same meaning:
//
//	HF_ENDPOINT                       address of the hub or a mirror
//	HF_HUB_CACHE                      the cache; else HF_HOME/hub, else XDG_CACHE_HOME/huggingface/hub,
//	                                  else ~/.cache/huggingface/hub
//	HF_TOKEN                          the token; else in the file HF_TOKEN_PATH, else in HF_HOME/token
//	HF_HUB_OFFLINE                    1: no network
//	HTTPS_PROXY, HTTP_PROXY, NO_PROXY as everywhere
const defaultEndpoint = "https://huggingface.co"

// environment fills in the endpoint, the cache and the token.
func (c *Client) environment() error {
	home, err := hubHome()
	if err != nil {
		return err
	}
	c.Cache = first(os.Getenv("HF_HUB_CACHE"), os.Getenv("HUGGINGFACE_HUB_CACHE"), filepath.Join(home, "hub"))
	if c.Token, err = token(home); err != nil {
		return err
	}
	return c.SetEndpoint(first(os.Getenv("HF_ENDPOINT"), defaultEndpoint))
}

// SetEndpoint makes the client talk to another hub or mirror.
func (c *Client) SetEndpoint(address string) error {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.RawQuery != "" ||
		u.Fragment != "" || u.User != nil {
		return fmt.Errorf("%w: hub %q, want an address such as %s", ErrName, address, defaultEndpoint)
	}
	c.Endpoint = strings.TrimRight(address, "/")
	return nil
}

// hubHome is the folder of the cache and the token.
func hubHome() (string, error) {
	if dir := os.Getenv("HF_HOME"); dir != "" {
		return dir, nil
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "huggingface"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the cache: set HF_HOME: %w", err)
	}
	return filepath.Join(home, ".cache", "huggingface"), nil
}

// token returns the user's token, or "" if there is none.
func token(home string) (string, error) {
	if t := first(os.Getenv("HF_TOKEN"), os.Getenv("HUGGING_FACE_HUB_TOKEN")); t != "" {
		return strings.TrimSpace(t), nil
	}
	path := first(os.Getenv("HF_TOKEN_PATH"), filepath.Join(home, "token"))
	data, err := atomicfile.Read(path, maxToken)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(data)), err
}

// Offline reports whether the environment forbids the network.
func Offline() bool {
	return slices.Contains([]string{"1", "ON", "YES", "TRUE"}, strings.ToUpper(os.Getenv("HF_HUB_OFFLINE")))
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
