// Package clouds has the clients of the object stores. Whoever imports it can open s3://, gs:// and azblob:// by
// package store.
package clouds

import (
	_ "gocloud.dev/blob/azureblob"
	_ "gocloud.dev/blob/gcsblob"
	_ "gocloud.dev/blob/s3blob"
)
