package exits

import (
	"errors"

	"mgd3/weights/hub"
)

// OfHub gives an error of the hub its exit code, and advice.
func OfHub(c *hub.Client, r hub.Repo, err error) error {
	switch {
	case errors.Is(err, hub.ErrName):
		return Fail(Usage, `"mgd3 pull --help" shows the forms of names`, err)
	case errors.Is(err, hub.ErrOffline):
		return Fail(Hub, "it must be pulled once with a network: without --offline and HF_HUB_OFFLINE", err)
	// the hub answers alike to nobody and to somebody who has not accepted; the advice differs
	case errors.Is(err, hub.ErrAccess) && c.Token == "":
		return Fail(Hub,
			"accept the terms on "+c.Page(r)+" with an account, and put a token of it into HF_TOKEN", err)
	case errors.Is(err, hub.ErrAccess):
		return Fail(Hub, "accept the terms on "+c.Page(r)+" with the account of your token; the token must "+
			"be allowed to read it", err)
	case errors.Is(err, hub.ErrNotFound):
		return Fail(Hub, c.Page(r)+" should show it; private ones need a token in HF_TOKEN", err)
	case errors.Is(err, hub.ErrCorrupt):
		return Fail(Hub, "nothing of it is kept; try again later, or another --mirror", err)
	case errors.Is(err, hub.ErrNetwork):
		return Fail(Hub,
			"the same command again continues from here; HTTPS_PROXY names a proxy, --mirror another hub", err)
	}
	return err
}
