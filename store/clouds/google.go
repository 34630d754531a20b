package clouds

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"

	"gocloud.dev/blob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/gcp"
	"google.golang.org/api/googleapi"

	"mgd3/store"
)

// google opens a bucket of Google's, or of an emulator, which asks for no credentials.
func google(ctx context.Context, address *url.URL) (*blob.Bucket, error) {
	if address.Query().Get("anonymous") == "true" || os.Getenv("STORAGE_EMULATOR_HOST") != "" {
		return gcsblob.OpenBucket(ctx, gcp.NewAnonymousHTTPClient(gcp.DefaultTransport()), address.Host, nil)
	}
	if _, err := gcp.DefaultCredentials(ctx); err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrCredentials, err)
	}
	return blob.DefaultURLMux().OpenBucketURL(ctx, address)
}

func googleStatus(err error) int {
	var answer *googleapi.Error
	if errors.As(err, &answer) {
		return answer.Code
	}
	return 0
}
