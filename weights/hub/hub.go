// Package hub fetches repositories of models and sets from a hub of Hugging Face's kind into the cache
// folder that Python's huggingface_hub uses. Nothing here runs unless it is asked to.
//
// What is asked of the hub (https://huggingface.co/docs/hub/api), and what must come back:
//
//	GET  /api/KINDs/ORG/NAME/revision/REV   JSON: sha, the commit of REV; siblings[].rfilename, its files
//	HEAD /ORG/NAME/resolve/COMMIT/FILE      X-Linked-Etag or ETag: the file's hash;
//	                                        X-Linked-Size or Content-Length: its size
//	GET  /ORG/NAME/resolve/COMMIT/FILE      the file, mostly by a redirect to another host; Range: from there on
//
// Paths of sets begin with /datasets. A hash of 64 hex digits is the SHA-256 of the file (LFS); one of 40 is
// that of a git blob, SHA-1("blob SIZE\x00" ‖ file). Every file is held against size and hash before it
// has a name.
//
// The cache (huggingface_hub, "Understand caching"), DIR being models--ORG--NAME or datasets--ORG--NAME:
//
//	DIR/blobs/HASH               a file; HASH.incomplete while it comes, taken up again where it ends
//	DIR/snapshots/COMMIT/FILE    a link to ../../blobs/HASH
//	DIR/refs/REV                 the commit of a branch or tag
//	DIR/info/REV                 what the hub said of it, as go-huggingface keeps it
//	.locks/DIR/HASH.lock         who fetches HASH now; flock(2), as in Python
//
// Links, info and refs are written last, so what --offline finds is whole.
//
// The client of github.com/gomlx/go-huggingface v0.3.5 does not serve: a connection that breaks midway it
// takes for the end of the file and returns no error; it checks neither size nor hash, begins anew each time,
// waits without end for a server that is silent, and cannot be interrupted while it lists files.
package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"strings"
	"time"
)

var (
	// ErrNetwork marks a hub that cannot be reached, breaks off, or is out of order.
	ErrNetwork = errors.New("no answer from the hub")

	// ErrAccess marks what the hub gives only to users it knows.
	ErrAccess = errors.New("the hub refuses access")

	// ErrNotFound marks a repository, revision or file that the hub does not have.
	ErrNotFound = errors.New("not on the hub")

	// ErrCorrupt marks an answer that is not what the hub itself promised.
	ErrCorrupt = errors.New("the hub sent something else than it promised")

	// ErrOffline marks what is not, or not whole, in the cache.
	ErrOffline = errors.New("not in the cache")

	// ErrName marks the name of a repository, or a pattern of files, that cannot be one.
	ErrName = errors.New("bad name")
)

// Kind is what a repository holds.
type Kind string

// The kinds of repositories.
const (
	Model   Kind = "model"
	Dataset Kind = "dataset"
)

// Repo names one revision of a repository.
type Repo struct {
	Kind     Kind   `json:"kind"`
	ID       string `json:"id"`       // ORG/NAME
	Revision string `json:"revision"` // branch, tag, or commit
}

var (
	idForm     = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)?$`)
	commitForm = regexp.MustCompile(`^[0-9a-f]{40}$`)
	hashForm   = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
)

// ParseRepo reads ORG/NAME, ORG/NAME@REVISION, and the same after datasets/, as in the addresses of pages.
func ParseRepo(s string) (Repo, error) {
	r := Repo{Kind: Model, Revision: "main"}
	id, revision, given := strings.Cut(s, "@")
	if given {
		r.Revision = revision
	}
	if rest, isSet := strings.CutPrefix(id, "datasets/"); isSet {
		r.Kind, id = Dataset, rest
	}
	r.ID = id
	return r, r.check()
}

// check makes sure that a repository's name is safe in a path.
func (r Repo) check() error {
	if len(r.ID) > 200 || !idForm.MatchString(r.ID) || strings.Contains(r.ID, "--") || strings.Contains(r.ID, "..") {
		return fmt.Errorf("%w: repository %q, want ORG/NAME or ORG/NAME@REVISION", ErrName, r.ID)
	}
	if len(r.Revision) > 200 || !safePath(r.Revision) {
		return fmt.Errorf("%w: revision %q of %s", ErrName, r.Revision, r.ID)
	}
	return nil
}

// safePath reports whether a name from outside stays below the folder it is joined to, on every system.
func safePath(name string) bool {
	return name != "." && fs.ValidPath(name) && !strings.ContainsFunc(name, func(c rune) bool {
		return c < ' ' || c == 0x7f || c == '\\' || c == ':'
	})
}

func (r Repo) String() string {
	if r.Revision == "main" {
		return r.ID
	}
	return r.ID + "@" + r.Revision
}

// path is the repository in addresses: ORG/NAME or datasets/ORG/NAME.
func (r Repo) path() string {
	if r.Kind == Dataset {
		return "datasets/" + r.ID
	}
	return r.ID
}

// Page is where a person reads about the repository.
func (c *Client) Page(r Repo) string { return c.Endpoint + "/" + r.path() }

// Client talks to one hub and fills one cache. Its methods may run at once in several programs, on one cache.
type Client struct {
	Endpoint string       // such as https://huggingface.co, without a slash at the end
	Cache    string       // folder of the repositories
	Token    string       // for what is not open to all; goes to Endpoint's host only, and not unencrypted
	HTTP     *http.Client // New's knows proxies and where the token may go

	Tries   int           // attempts in a row that bring nothing new, before an error
	Pause   time.Duration // before the second of them; the later ones wait twice as long each
	Silence time.Duration // how long the hub may say nothing

	Check  bool        // hash what is in the cache too
	Report func(Event) // if not nil, is told how a Fetch goes on
}

// Event tells how far a Fetch is.
type Event struct {
	File  string `json:"file"`           // at work now, or last
	Kept  int64  `json:"kept"`           // bytes that were there before
	Done  int64  `json:"done"`           // bytes that are there now
	Total int64  `json:"total"`          // bytes of all files
	Note  string `json:"note,omitempty"` // what went wrong and is tried again
}

// New returns a client with what the environment says; see Endpoint, Cache and Token in env.go.
func New() (*Client, error) {
	c := &Client{Tries: 5, Pause: time.Second, Silence: 30 * time.Second, HTTP: &http.Client{
		Transport:     http.DefaultTransport.(*http.Transport).Clone(),
		CheckRedirect: redirect,
	}}
	return c, c.environment()
}

func (c *Client) report(e Event) {
	if c.Report != nil {
		c.Report(e)
	}
}
