package clouds

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/store"
)

// bare takes all that a client could sign in with out of the environment, and the ways to ask a machine for it.
func bare(t *testing.T) {
	t.Helper()
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		for _, of := range []string{"AWS_", "AZURE_", "GOOGLE_", "STORAGE_EMULATOR"} {
			if strings.HasPrefix(name, of) {
				t.Setenv(name, "")
			}
		}
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "AzureCLICredential")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "none.json"))
}

// account writes a service account of Google's that asks a server for its tokens.
func account(t *testing.T, server string) (file string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{"type": "service_account", "client_email": "me@x", "token_uri": server,
		"private_key_id": "TOPSECRET", "private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY",
			Bytes: x509.MarshalPKCS1PrivateKey(key)}))})
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// topSecret is a key as Azure has them, of which tests look for the text.
const topSecret = "VE9QU0VDUkVU"

// TestSignIn: what is wrong with credentials, or with the name of a bucket, is said at once, as that, of the store that
// it is of, and without a credential: even where a store repeats in its answer all that it was sent.
func TestSignIn(t *testing.T) {
	answer, status := "", 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code, says, _ := strings.Cut(answer, ": ")
		w.Header().Set("X-Ms-Error-Code", code)
		if strings.HasPrefix(answer, "{") {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprint(w, answer)
			return
		}
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code,
			html.EscapeString(fmt.Sprint(says, r.URL, r.Header)))
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	local := "?localemu=true&protocol=http&domain=" + host
	for i, c := range []struct {
		name, address string
		env           map[string]string
		answer        string
		status        int
		want          error
	}{
		{"s3, nothing", "s3://lab-%d?endpoint=http://" + host + "&use_path_style=true&region=x", nil, "", 0,
			store.ErrCredentials},
		{"s3, no bucket", "s3://lab-%d?endpoint=http://" + host + "&use_path_style=true&region=x",
			map[string]string{"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": topSecret}, "NoSuchBucket", 404,
			store.ErrBucket},
		{"s3, another's key", "s3://lab-%d?endpoint=http://" + host + "&use_path_style=true&region=x",
			map[string]string{"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": topSecret,
				"AWS_SESSION_TOKEN": topSecret},
			"SignatureDoesNotMatch", 403, store.ErrCredentials},
		{"gs, no such file", "gs://lab-%d", nil, "", 0, store.ErrCredentials},
		{"gs, refused", "gs://lab-%d", map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": account(t, server.URL)},
			`{"error":"invalid_grant","error_description":"no"}`, 400, store.ErrCredentials},
		{"gs, no bucket", "gs://lab-%d", map[string]string{"STORAGE_EMULATOR_HOST": host},
			`{"error":{"code":404,"message":"The specified bucket does not exist."}}`, 404, store.ErrBucket},
		{"gs, not allowed", "gs://lab-%d", map[string]string{"STORAGE_EMULATOR_HOST": host},
			`{"error":{"code":403,"message":"me@x does not have storage.objects.list access."}}`, 403,
			store.ErrRefused},
		{"azblob, nothing", "azblob://lab-%d", nil, "", 0, store.ErrCredentials},
		{"azblob, an account alone", "azblob://lab-%d", map[string]string{"AZURE_STORAGE_ACCOUNT": "acc"}, "", 0,
			store.ErrCredentials},
		{"azblob, a key alone", "azblob://lab-%d?storage_account=acc",
			map[string]string{"AZURE_STORAGE_KEY": topSecret}, "", 0, store.ErrCredentials},
		{"azblob, a key that is none", "azblob://lab-%d" + local,
			map[string]string{"AZURE_STORAGE_ACCOUNT": "acc", "AZURE_STORAGE_KEY": "!" + topSecret}, "", 0,
			store.ErrCredentials},
		{"azblob, a text that is none", "azblob://lab-%d", map[string]string{
			"AZURE_STORAGE_CONNECTION_STRING": "AccountName=acc;AccountKey " + topSecret}, "", 0, store.ErrCredentials},
		{"azblob, another's key", "azblob://lab-%d" + local,
			map[string]string{"AZURE_STORAGE_ACCOUNT": "acc", "AZURE_STORAGE_KEY": topSecret},
			"AuthenticationFailed", 403, store.ErrCredentials},
		{"azblob, another's key at Azurite", "azblob://lab-%d" + local,
			map[string]string{"AZURE_STORAGE_ACCOUNT": "acc", "AZURE_STORAGE_KEY": topSecret},
			"AuthorizationFailure: Server failed to authenticate the request.", 403, store.ErrCredentials},
		{"azblob, an old token", "azblob://lab-%d" + local, map[string]string{"AZURE_STORAGE_ACCOUNT": "acc",
			"AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=" + topSecret}, "AuthenticationFailed", 403, store.ErrCredentials},
		{"azblob, no container", "azblob://lab-%d" + local,
			map[string]string{"AZURE_STORAGE_ACCOUNT": "acc", "AZURE_STORAGE_KEY": topSecret}, "ContainerNotFound", 404,
			store.ErrBucket},
		{"azblob, not allowed", "azblob://lab-%d" + local, map[string]string{"AZURE_STORAGE_ACCOUNT": "acc",
			"AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=" + topSecret}, "AuthorizationPermissionMismatch", 403,
			store.ErrRefused},
		{"azblob, a new answer", "azblob://lab-%d" + local, map[string]string{"AZURE_STORAGE_ACCOUNT": "acc",
			"AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=" + topSecret}, "NeverSeen", 405, store.ErrStore},
	} {
		t.Run(c.name, func(t *testing.T) {
			bare(t)
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			answer, status = c.answer, c.status
			scheme, _, _ := strings.Cut(c.address, "://")
			path, err := store.Parse(fmt.Sprintf(c.address, i))
			if err != nil {
				t.Fatal(err)
			}
			_, errList := store.ReadDir(path)
			_, errRead := store.Read(filepath.Join(path, "x"), 9)
			_, errPut := store.PutNew(filepath.Join(path, "y"), []byte("x"))
			for _, err := range []error{errList, errRead, errPut} {
				if !errors.Is(err, c.want) || store.Scheme(err) != scheme {
					t.Errorf("got %v of %q, want %v of %q", err, store.Scheme(err), c.want, scheme)
				} else if text := err.Error(); strings.Contains(text, topSecret) ||
					strings.Contains(text, "TOPSECRET") || strings.Contains(text, "\n") || len(text) > 500 {
					t.Errorf("got %q, want a line without a credential", err)
				}
			}
		})
	}
}
