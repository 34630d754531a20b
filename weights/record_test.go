package weights

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/stage/seal"
)

// TestRecordedSum: weights that are not those of the record beside them are an error that names them; a record
// without a hash of them is as good as none.
func TestRecordedSum(t *testing.T) {
	path := put(t, "model.safetensors", encode(t, []Tensor{F32("x", []int{1}, []float32{1})}, nil))
	plain, err := open(t, path).SHA256(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := seal.JSON(map[string]any{"seed": 1, "sha256": map[string]string{"model.safetensors": plain}}, "  ")
	if err != nil {
		t.Fatal(err)
	}
	sealed := string(text)
	for _, c := range []struct{ record, want string }{
		{`{"sha256": {"model.safetensors": "` + plain + `"}}`, ""},
		{`{"network": "dit"}`, ""},
		{`{"sha256": {"other.safetensors": "` + strings.Repeat("0", 64) + `"}}`, ""},
		{`{"sha256": {"model.safetensors": "` + strings.Repeat("0", 64) + `"}}`,
			"model.safetensors\": not a valid weights file: it is damaged, or of another training"},
		{`{"sha256": 1}`, ""},                      // of another program
		{`{"step": 1}` + "\n" + `{"step": 2}`, ""}, // the same
		{"", "is damaged: it is empty"},
		{`{"sha256": {"model.safetens`, "is damaged"},
		{"\x00\x00\x00\x00", "is damaged"},
		{sealed, ""},
		{strings.Replace(sealed, `"seed": 1`, `"seed": 3`, 1), RecordName + "\", which says"},
		{strings.Replace(sealed, `"sha256"`, `"sha257"`, 1), "is damaged"},
		{strings.Replace(sealed, `"crc32c":`, `"crc32d":`, 1), "is damaged"},
	} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), RecordName), []byte(c.record), 0o600); err != nil {
			t.Fatal(err)
		}
		sum, err := open(t, path).SHA256(t.Context())
		check := open(t, path).CheckRecord(t.Context())
		if (check == nil) != (c.want == "") || check != nil && check.Error() != err.Error() {
			t.Errorf("%s: CheckRecord says %v, SHA256 %v", c.record, check, err)
		}
		if c.want == "" && (err != nil || sum != plain) {
			t.Errorf("%s: %s, %v, want %s", c.record, sum, err, plain)
		}
		if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.record, err, c.want)
		}
	}
}
