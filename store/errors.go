package store

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"gocloud.dev/gcerrors"
)

var (
	// ErrStore says that a store did not do what it was asked for; the others are kinds of it.
	ErrStore = errors.New("the store failed")
	// ErrBucket says that there is no such bucket.
	ErrBucket = errors.New("there is no such bucket, or it is in another region")
	// ErrCredentials says that there are no credentials, or that they are none of the store.
	ErrCredentials = errors.New("no credentials, or wrong ones")
	// ErrRefused says that credentials do not allow something.
	ErrRefused = errors.New("the store refuses it: permission denied")
	// ErrRegion says that it is not known in which region a bucket is.
	ErrRegion = errors.New("no region")
	// ErrUnreachable says that a store gave no answer, or only errors of its own, for as long as was waited.
	ErrUnreachable = errors.New("the store cannot be reached")
	// ErrChanged says that an object was replaced while it was read.
	ErrChanged = errors.New("has changed since it was opened")
)

// kinds are the codes of errors that stores give, and words in those of clients that never reached one.
var kinds = []struct {
	kind  error
	codes string // between blanks
	words []string
}{
	{ErrBucket, "NoSuchBucket PermanentRedirect AuthorizationHeaderMalformed IllegalLocationConstraintException " +
		"ContainerNotFound InvalidBucketName 301", []string{"bucket doesn't exist", "bucket does not exist"}},
	{ErrCredentials, "InvalidAccessKeyId SignatureDoesNotMatch ExpiredToken InvalidToken TokenRefreshRequired " +
		"RequestTimeTooSkewed AuthenticationFailed NoAuthenticationInformation InvalidAuthenticationInfo",
		[]string{"get credentials", "credentials: could not find", "could not find default credentials",
			"failed to refresh cached credentials", "DefaultAzureCredential", "failed to get shared config profile",
			"storage account", "Error 401"}},
	{ErrRefused, "AccessDenied Forbidden AllAccessDisabled AuthorizationFailure AuthorizationPermissionMismatch " +
		"InsufficientAccountPermissions AccountIsDisabled", []string{"Error 403"}},
	{ErrRegion, "MissingRegion", []string{"Missing Region", "Invalid region", "region is required",
		"region was not a valid"}},
}

// codeOf returns the code that a store gave an error; "" if it gave none.
func codeOf(err error) string {
	var coded interface{ ErrorCode() string } // of AWS
	if errors.As(err, &coded) {
		return coded.ErrorCode()
	}
	return ""
}

// kindOf returns which of the kinds an error is; nil if none.
func kindOf(err error) error {
	text, code := err.Error(), codeOf(err)
	for _, k := range kinds {
		if code != "" && strings.Contains(" "+k.codes+" ", " "+code+" ") {
			return k.kind
		}
		for _, c := range strings.Fields(k.codes) {
			if code == "" && len(c) > 3 && strings.Contains(text, c) {
				return k.kind
			}
		}
		for _, w := range k.words {
			if strings.Contains(text, w) {
				return k.kind
			}
		}
	}
	if gcerrors.Code(err) == gcerrors.PermissionDenied {
		return ErrRefused
	}
	return nil
}

// failure is an [ErrStore] of a path.
type failure struct {
	text string
	kind error
}

func (f failure) Error() string { return f.text }

func (f failure) Is(target error) bool {
	return target == ErrStore || target == f.kind || f.kind == ErrRefused && target == fs.ErrPermission
}

// failed is a client's error of a key, in one line, without what may be a credential.
func (b *bucket) failed(key string, err error) error {
	if errors.As(err, new(failure)) {
		return err
	}
	kind := kindOf(err)
	switch {
	case kind == nil && exists(err):
		return failure{fmt.Sprintf("%q: something stands there already", b.address(key)), fs.ErrExist}
	case kind == nil && gcerrors.Code(err) == gcerrors.NotFound:
		return &fs.PathError{Op: "open", Path: b.address(key), Err: fs.ErrNotExist}
	case kind != nil:
		return failure{fmt.Sprintf("%q: %v%s", b.address(key), kind, inBrackets(codeOf(err))), kind}
	}
	text := strings.Join(strings.Fields(withoutSecrets(err.Error())), " ")
	const most = 300
	if len(text) > most {
		text = "… " + text[len(text)-most:] // clients put the cause last
	}
	return failure{fmt.Sprintf("%q: %v: %s", b.address(key), ErrUnreachable, text), ErrUnreachable}
}

func inBrackets(code string) string {
	if code == "" || code == http.StatusText(http.StatusForbidden) {
		return ""
	}
	return " (" + code + ")"
}
