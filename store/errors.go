package store

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"syscall"

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
	// ErrAnswer says that a store does not do what it was asked for, with an answer of no kind above.
	ErrAnswer = errors.New("the store does not do it")
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
		"ContainerNotFound ContainerBeingDeleted InvalidBucketName 301",
		[]string{"bucket doesn't exist", "bucket does not exist"}},
	{ErrCredentials, "InvalidAccessKeyId SignatureDoesNotMatch ExpiredToken InvalidToken TokenRefreshRequired " +
		"XAdminUserNotFound RequestTimeTooSkewed AuthenticationFailed NoAuthenticationInformation " +
		"InvalidAuthenticationInfo",
		[]string{"get credentials", "credentials: could not find", "could not find default credentials",
			"failed to refresh cached credentials", "DefaultAzureCredential", "failed to get shared config profile",
			"storage account", "NewSharedKeyCredential", "connection string", "oauth2: cannot fetch token: 4",
			`oauth2: "`, "private key should be",
			"Server failed to authenticate the request"}}, // Azurite's code is that of who may not do something
	{ErrRefused, "AccessDenied Forbidden AllAccessDisabled AuthorizationFailure AuthorizationPermissionMismatch " +
		"InsufficientAccountPermissions AccountIsDisabled", nil},
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

// statusOf returns the HTTP status of a store's answer that a client made an error of; 0 if there was no answer.
func (b *bucket) statusOf(err error) int {
	var answer interface{ HTTPStatusCode() int } // of AWS
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	if status := Clients[b.scheme].Status; status != nil {
		return status(err)
	}
	return 0
}

// kindOf returns which of the kinds an error is; nil if none.
func (b *bucket) kindOf(err error) error {
	if errors.Is(err, ErrCredentials) {
		return ErrCredentials
	}
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
	switch b.statusOf(err) {
	case http.StatusUnauthorized:
		return ErrCredentials
	case http.StatusForbidden:
		return ErrRefused
	}
	if gcerrors.Code(err) == gcerrors.PermissionDenied {
		return ErrRefused
	}
	return nil
}

// failure is an [ErrStore] of a path.
type failure struct {
	text   string
	kind   error
	scheme string
}

func (f failure) Error() string { return f.text }

func (f failure) Is(target error) bool {
	return target == ErrStore || target == f.kind || f.kind == ErrRefused && target == fs.ErrPermission
}

// Failed reports whether an error is of the place where a file is, a store or a file system, and not of the file: it
// says nothing about what the file holds, and another time the same may go well.
func Failed(err error) bool {
	if errors.Is(err, ErrChanged) {
		return false
	}
	var errno syscall.Errno
	ofFile := errors.As(err, new(*fs.PathError)) && errors.As(err, &errno) // and of no connection to somewhere
	places := []error{ErrBucket, ErrCredentials, ErrRefused, ErrRegion, ErrUnreachable, ErrAnswer}
	return ofFile && slices.Contains(broken, errno) ||
		slices.ContainsFunc(places, func(place error) bool { return errors.Is(err, place) })
}

// broken is what a file system says that does not work, is cut off from its server, or refuses.
var broken = []syscall.Errno{syscall.EIO, syscall.ESTALE, syscall.ETIMEDOUT, syscall.EHOSTDOWN, syscall.EHOSTUNREACH,
	syscall.ENETDOWN, syscall.ENETUNREACH, syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED,
	syscall.ENOTCONN, syscall.EPIPE, syscall.ENXIO, syscall.ENODEV, syscall.EAGAIN, syscall.EINTR, syscall.EBUSY,
	syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.EACCES, syscall.EPERM}

// Scheme returns the scheme of the store that an [ErrStore] is of; "" for another error.
func Scheme(err error) string {
	var f failure
	errors.As(err, &f)
	return f.scheme
}

// failed is a client's error of a key, in one line, without what may be a credential.
func (b *bucket) failed(key string, err error) error {
	if errors.As(err, new(failure)) {
		return err
	}
	kind := b.kindOf(err)
	switch status := b.statusOf(err); {
	case kind == nil && exists(err):
		return failure{fmt.Sprintf("%q: something is there already", b.address(key)), fs.ErrExist, b.scheme}
	case kind == nil && gcerrors.Code(err) == gcerrors.NotFound:
		return &fs.PathError{Op: "open", Path: b.address(key), Err: fs.ErrNotExist}
	case errors.Is(err, kind): // of an opener, with its reason
		return failure{fmt.Sprintf("%q: %s", b.address(key), shown(err)), kind, b.scheme}
	case kind != nil:
		return failure{fmt.Sprintf("%q: %v%s", b.address(key), kind, inBrackets(codeOf(err))), kind, b.scheme}
	case final(status):
		return failure{fmt.Sprintf("%q: %v: %s", b.address(key), ErrAnswer, shown(err)), ErrAnswer, b.scheme}
	}
	return failure{fmt.Sprintf("%q: %v: %s", b.address(key), ErrUnreachable, shown(err)), ErrUnreachable, b.scheme}
}

// shown is a client's error in one line, without what may be a credential.
func shown(err error) string {
	text := strings.Join(strings.Fields(withoutSecrets(err.Error())), " ")
	const most = 300
	if len(text) > most {
		text = "… " + text[len(text)-most:] // clients put the cause last
	}
	return text
}

func inBrackets(code string) string {
	if code == "" || code == http.StatusText(http.StatusForbidden) {
		return ""
	}
	return " (" + code + ")"
}
