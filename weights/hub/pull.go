package hub

import (
	"context"
	"errors"
)

// ErrTerms marks terms that were not accepted.
var ErrTerms = errors.New("not accepted")

// Pulling says how [Client.Pull] goes about it.
type Pulling struct {
	Offline bool            // no network: what is in the cache
	Accept  func() error    // asked before anything is fetched; its error ends it
	Begin   func(*Snapshot) // told before anything is fetched
}

// Pull finds what is wanted of a repository and fetches what of it is not in the cache.
func (c *Client) Pull(ctx context.Context, k Known, p Pulling) (*Snapshot, error) {
	if p.Offline {
		return c.Cached(ctx, k.Repo, k.Want)
	}
	s, err := c.Find(ctx, k.Repo, k.Want)
	if err != nil {
		return nil, err
	}
	if files, _ := s.Missing(); files > 0 {
		if err := p.Accept(); err != nil {
			return nil, err
		}
		p.Begin(s)
	}
	return s, c.Fetch(ctx, s)
}
