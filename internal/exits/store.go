package exits

import (
	"errors"
	"io/fs"

	"mgd3/store"
)

// stores is the advice about buckets, by the scheme of the store; "" is that of any. Each names the variables that the
// store's own client reads.
var stores = []struct {
	kind error
	hint map[string]string
}{
	{store.ErrCredentials, map[string]string{
		"s3": "the environment gives them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
		"gs": "the environment gives them: GOOGLE_APPLICATION_CREDENTIALS names a file of them; or " +
			`"gcloud auth application-default login"; ?anonymous=true behind the address does without`,
		"azblob": "the environment gives them: AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY or " +
			"AZURE_STORAGE_SAS_TOKEN, or AZURE_STORAGE_CONNECTION_STRING; or AZURE_TENANT_ID, AZURE_CLIENT_ID and " +
			`AZURE_CLIENT_SECRET; or "az login"`,
	}},
	{store.ErrRegion, map[string]string{"": "AWS_REGION names it, or ?region=NAME behind the address"}},
	{store.ErrBucket, map[string]string{
		"s3":     "make the bucket, or correct its name, AWS_REGION or AWS_ENDPOINT_URL",
		"gs":     "make the bucket, or correct its name",
		"azblob": "make the container, or correct its name or AZURE_STORAGE_ACCOUNT",
	}},
	{store.ErrRefused, map[string]string{
		"":   "the credentials must allow to list, get, put and delete objects there",
		"gs": "the credentials must allow to list, get, put and delete objects there, and the bucket must be there",
	}},
	{store.ErrUnreachable, map[string]string{
		"": "run the same command again when the store answers, it continues from here",
		"s3": "run the same command again when the store answers, it continues from here; AWS_ENDPOINT_URL says " +
			"where a store of S3's kind is",
		"azblob": "run the same command again when the store answers, it continues from here; AZURE_STORAGE_ACCOUNT " +
			"and AZURE_STORAGE_DOMAIN say where it is",
	}},
}

// ofStore returns the advice about an error of the place where files are. It is not the files' fault, whoever reads
// them: a task that met it is tried again.
func ofStore(err error) (hint string, ok bool) {
	if !store.Failed(err) {
		return "", false
	}
	for _, s := range stores {
		if errors.Is(err, s.kind) {
			if hint, ok := s.hint[store.Scheme(err)]; ok {
				return hint, true
			}
			return s.hint[""], true
		}
	}
	if errors.Is(err, fs.ErrPermission) {
		return "", true
	}
	return "that is no fault of the file: run the same command again when its file system answers, it continues " +
		"from here", true
}
