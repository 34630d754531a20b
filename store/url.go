package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gocloud.dev/blob"
)

// ErrAddress says that an address is none of a bucket.
var ErrAddress = errors.New("is not an address that can be used")

// Schemes are those of the buckets that a program can have; each has a client only where it was imported.
var Schemes = []string{"s3", "gs", "azblob"}

// settings are what may stand behind the ? of an address; all else may be a secret, and is refused unseen.
var settings = map[string][]string{
	"s3": {"region", "endpoint", "use_path_style", "profile", "anonymous", "role", "dualstack", "fips", "accelerate",
		"disable_https", "hostname_immutable", "ssetype", "kmskeyid", "request_checksum_calculation",
		"response_checksum_validation", "rate_limiter_capacity"},
	"gs":     {"anonymous", "universe_domain"},
	"azblob": {"storage_account", "domain", "protocol", "cdn", "localemu"},
}

// Client is what package clouds knows of the client of a scheme.
type Client struct {
	// Open opens a bucket where gocloud.dev's own way will not do. Where there are no credentials that is an
	// [ErrCredentials].
	Open func(ctx context.Context, address *url.URL) (*blob.Bucket, error)
	// Status returns the HTTP status of the answer that an error is of; 0 if it is of none.
	Status func(err error) int
}

// Clients are those that package clouds has, by scheme.
var Clients = map[string]Client{}

// bucket is an open bucket, or will be one at its first use.
type bucket struct {
	scheme, name string
	query        string // settings of the address
	open         func() (*blob.Bucket, error)
	there        atomic.Bool // it was seen
	told         time.Time   // when a line was said of it, under the lock of telling
}

// buckets are those of which Parse had an address, by scheme:/NAME.
var buckets struct {
	sync.RWMutex
	of map[string]*bucket
}

// IsAddress reports whether a text looks like the address of a bucket, or of a file.
func IsAddress(text string) bool {
	scheme, _, ok := strings.Cut(text, "://")
	return ok && (slices.Contains(Schemes, scheme) || scheme == "file" || slices.Contains(otherSchemes, scheme))
}

// otherSchemes are further schemes, of tests.
var otherSchemes []string

// Parse returns the path of an address; any other text is a path already. FILE#2, the second set in a file, keeps its
// number. An address with a name, a password or anything that may be a secret is an [ErrAddress] that does not show it:
// stores take credentials from the environment.
func Parse(text string) (string, error) {
	if !IsAddress(text) {
		return text, nil
	}
	scheme, _, _ := strings.Cut(text, "://")
	u, err := url.Parse(text)
	if err != nil { // its text would show the address
		return "", fmt.Errorf("%w: what follows %q is no address", ErrAddress, scheme+"://")
	}
	shown := scheme + "://" + u.Host + u.Path
	number := "" // of a set in a file, as in FILE#2
	if u.Fragment != "" {
		number = "#" + u.Fragment
	}
	switch {
	case u.User != nil:
		return "", fmt.Errorf("%q: %w: it has a name or a password in it, which stores take from the environment",
			shown,
			ErrAddress)
	case u.Fragment != "" && (u.Path == "" || strings.Trim(u.Fragment, "0123456789") != ""):
		return "", fmt.Errorf("%q: %w: it has a #, and no number behind it", shown, ErrAddress)
	case scheme == "file" && (u.Host == "" || u.Host == "localhost") && u.Path != "" && u.RawQuery == "":
		return filepath.FromSlash(u.Path) + number, nil
	case scheme == "file":
		return "", fmt.Errorf("%q: %w, want file:///PATH", shown, ErrAddress)
	case u.Host == "":
		return "", fmt.Errorf("%q: %w: it names no bucket, want %s://BUCKET/PATH", shown, ErrAddress, scheme)
	}
	key := strings.TrimPrefix(path.Clean("/"+u.Path), "/")
	if key != strings.Trim(u.Path, "/") {
		return "", fmt.Errorf("%q: %w: its path has an empty part, . or .., want a plain one", shown, ErrAddress)
	}
	query := u.Query()
	for name := range query {
		if !slices.Contains(settings[scheme], name) {
			return "", fmt.Errorf("%q: %w: %q is no setting of an address, want one of %s", shown, ErrAddress, name,
				strings.Join(settings[scheme], ", "))
		}
	}
	if e := query.Get("endpoint"); e != "" {
		if at, err := url.Parse(e); err != nil || at.User != nil || at.RawQuery != "" {
			return "", fmt.Errorf("%q: %w: its endpoint is no plain address, want https://HOST", shown, ErrAddress)
		}
	}
	return filepath.Join(scheme+":", u.Host, filepath.FromSlash(key)) + number, register(scheme, u.Host, query.Encode())
}

// register keeps the settings of a bucket. A bucket has one group of settings: an address without takes those of an
// earlier one.
func register(scheme, name, query string) error {
	buckets.Lock()
	defer buckets.Unlock()
	at := scheme + ":/" + name
	have, ok := buckets.of[at]
	if ok && query != "" && have.query != "" && have.query != query {
		return fmt.Errorf("%q: %w: it comes with other settings in another address", scheme+"://"+name, ErrAddress)
	}
	if ok && (query == "" || have.query == query) {
		return nil
	}
	if buckets.of == nil {
		buckets.of = map[string]*bucket{}
	}
	b := &bucket{scheme: scheme, name: name, query: query}
	b.open = sync.OnceValues(b.openNow)
	buckets.of[at] = b
	return nil
}

func (b *bucket) openNow() (*blob.Bucket, error) {
	address := &url.URL{Scheme: b.scheme, Host: b.name, RawQuery: b.query}
	if b.scheme == "s3" && !strings.Contains(b.query, "response_checksum_validation") {
		// the client writes a line to standard error of each answer without a checksum, of a part of an object say
		address.RawQuery = strings.TrimPrefix(b.query+"&response_checksum_validation=when_required", "&")
	}
	open := Clients[b.scheme].Open
	if open == nil {
		open = blob.DefaultURLMux().OpenBucketURL
	}
	opened, err := open(context.Background(), address)
	if err != nil {
		return nil, b.failed("", err)
	}
	return opened, nil
}

// Is reports whether a path is one in a bucket.
func Is(path string) bool {
	_, _, ok := find(path)
	return ok
}

// find returns the bucket of a path and the key in it.
func find(path string) (b *bucket, key string, ok bool) {
	buckets.RLock()
	defer buckets.RUnlock()
	if len(buckets.of) == 0 {
		return nil, "", false
	}
	scheme, rest, ok := strings.Cut(filepath.ToSlash(path), ":/")
	if !ok || strings.HasPrefix(rest, "/") || strings.Contains(scheme, "/") {
		return nil, "", false
	}
	name, key, _ := strings.Cut(rest, "/")
	b, ok = buckets.of[scheme+":/"+name]
	return b, strings.Trim(key, "/"), ok
}

// address is that of a key.
func (b *bucket) address(key string) string {
	if key == "" {
		return b.scheme + "://" + b.name
	}
	return b.scheme + "://" + b.name + "/" + key
}

// Address returns the address of a path in a bucket, with the bucket's settings, as [Parse] takes it; any other path
// stays as it is.
func Address(path string) string {
	b, key, ok := find(path)
	switch {
	case !ok:
		return path
	case b.query != "":
		key, number, ok := strings.Cut(key, "#")
		if ok {
			number = "#" + number
		}
		return b.address(key) + "?" + b.query + number
	}
	return b.address(key)
}

// Again is a flag's value as it is given to another process: a path in a bucket, perhaps behind NAME=, as its address.
func Again(value string) string {
	if name, path, ok := strings.Cut(value, "="); ok && Is(path) {
		return name + "=" + Address(path)
	}
	return Address(value)
}

// Shown returns a text with the addresses in the place of the paths in it.
func Shown(text string) string {
	buckets.RLock()
	defer buckets.RUnlock()
	for at, b := range buckets.of {
		text = strings.ReplaceAll(text, filepath.FromSlash(at), b.scheme+"://"+b.name)
	}
	return text
}

// Used reports whether any address was given.
func Used() bool {
	buckets.RLock()
	defer buckets.RUnlock()
	return len(buckets.of) > 0
}

var (
	userPart  = regexp.MustCompile(`//[^/\s"@]*@`)
	queryPart = regexp.MustCompile(`\?[^\s"]*`)
	bearer    = regexp.MustCompile(`(?i)\b(bearer|sharedkey|basic) [^\s"]+`)
	secret    = regexp.MustCompile(`(?i)\b(sig|signature|x-amz-[a-z-]+|token|secret[a-z_]*|password|` +
		`accountkey|key)=[^\s"&;]+`)
)

// withoutSecrets takes out of a client's words what may be a credential: a user in an address, whatever follows
// its ?, what follows the name of a way to sign in, and values by the names that credentials have.
func withoutSecrets(text string) string {
	text = userPart.ReplaceAllString(text, "//")
	text = queryPart.ReplaceAllString(text, "?…")
	text = bearer.ReplaceAllString(text, "$1 …")
	return secret.ReplaceAllString(text, "$1=…")
}
