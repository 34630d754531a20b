// Package clouds has the clients of the object stores. Whoever imports it can open s3://, gs:// and azblob:// by
// package store.
//
// All take credentials from the environment. Those of Google and Azure are looked for before a bucket is opened: their
// clients would say on standard output that there are none, or be silent about it for minutes.
package clouds

import (
	_ "gocloud.dev/blob/s3blob"

	"mgd3/store"
)

func init() {
	store.Clients["gs"] = store.Client{Open: google, Status: googleStatus}
	store.Clients["azblob"] = store.Client{Open: azure, Status: azureStatus}
}
