package clouds

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"gocloud.dev/blob"
	"gocloud.dev/blob/azureblob"

	"mgd3/store"
)

// tokenTime is how long a machine's identity is waited for. Where none is given out, Azure's client asks for minutes.
const tokenTime = 20 * time.Second

// azure opens a container of Azure's, if there is an account and something to show it.
func azure(ctx context.Context, address *url.URL) (*blob.Bucket, error) {
	key, account := os.Getenv("AZURE_STORAGE_KEY"), azureblob.NewDefaultServiceURLOptions().AccountName
	signed := os.Getenv("AZURE_STORAGE_SAS_TOKEN") != "" || os.Getenv("AZURE_STORAGE_CONNECTION_STRING") != "" ||
		os.Getenv("AZURE_STORAGEBLOB_CONNECTIONSTRING") != ""
	switch {
	case account == "" && address.Query().Get("storage_account") == "":
		return nil, fmt.Errorf("%w: no storage account is named", store.ErrCredentials)
	case key != "" && os.Getenv("AZURE_STORAGE_ACCOUNT") == "":
		return nil, fmt.Errorf("%w: there is an AZURE_STORAGE_KEY without an AZURE_STORAGE_ACCOUNT",
			store.ErrCredentials)
	case key == "" && !signed:
		if err := identity(ctx); err != nil {
			return nil, fmt.Errorf("%w: no key and no SAS token, and no identity is given out here%s",
				store.ErrCredentials, codeOf(err))
		}
	}
	opener := azureblob.URLOpener{MakeClient: azureblob.NewDefaultClient,
		ServiceURLOptions: *azureblob.NewDefaultServiceURLOptions()}
	return opener.OpenBucketURL(ctx, address)
}

// identity looks whether Azure gives this machine, or who is signed in on it, a token for its storage.
func identity(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tokenTime)
	defer cancel()
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err == nil {
		scopes := []string{"https://storage.azure.com/.default"}
		_, err = credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: scopes})
	}
	return err
}

// codeOf returns the code of Microsoft Entra's refusal, in brackets; the text around it fills a page.
func codeOf(err error) string {
	if code := regexp.MustCompile(`AADSTS[0-9]+`).FindString(err.Error()); code != "" {
		return " (" + code + ")"
	}
	return ""
}

func azureStatus(err error) int {
	var answer *azcore.ResponseError
	if errors.As(err, &answer) {
		return answer.StatusCode
	}
	return 0
}
