package stage

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
)

// made is what a stage may be made of.
type made struct {
	Settings settings `json:"settings"`
	Latents  latents  `json:"latents"`
}

type settings struct {
	IPC    int    `json:"ipc"`
	Method string `json:"method"`
}

type latents struct {
	Classes []string `json:"classes"`
}

// TestLockSettingsTogether: of processes that lock a folder at the same moment, those that agree all have it.
func TestLockSettingsTogether(t *testing.T) {
	for range 20 {
		dir := filepath.Join(t.TempDir(), "stage")
		var group errgroup.Group
		for range 8 {
			group.Go(func() error {
				_, err := LockSettings(dir, made{Settings: settings{IPC: 10}}, nobodys)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestClaim(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "stage")
	want := made{settings{10, "kmeans"}, latents{[]string{"cat", "dog"}}}
	var back made
	if err := ReadLocked(dir, &back); !errors.Is(err, ErrStage) {
		t.Errorf("before the record: got error %v, want an ErrStage", err)
	}
	for range 2 {
		if _, err := LockSettings(dir, want, nobodys); err != nil {
			t.Fatal(err)
		}
	}
	if err := ReadLocked(dir, &back); err != nil || back.Settings != want.Settings {
		t.Errorf("read back %+v, %v, want %+v", back, err, want)
	}
	want.Settings.IPC = 20
	if _, err := LockSettings(dir, want, nobodys); !errors.Is(err, ErrOther) ||
		!strings.Contains(err.Error(), "settings.ipc is 10 there and 20 here") {
		t.Errorf("got error %v, want an ErrOther that names settings.ipc", err)
	}
	want.Settings.IPC = 10
	want.Latents.Classes = []string{"cat", "owl"}
	if _, err := LockSettings(dir, want, nobodys); !errors.Is(err, ErrOther) ||
		!strings.Contains(err.Error(), "latents.classes") {
		t.Errorf("got error %v, want an ErrOther that names latents.classes", err)
	}
	if err := os.WriteFile(filepath.Join(dir, SettingsFile), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LockSettings(dir, want, nobodys); !errors.Is(err, ErrDamaged) || !errors.Is(err, ErrUnclear) ||
		!strings.Contains(err.Error(), SettingsFile) {
		t.Errorf("over a damaged file: got error %v, want an ErrDamaged that is an ErrUnclear", err)
	}
	if err := ReadLocked(dir, &back); err == nil || !strings.Contains(err.Error(), SettingsFile) {
		t.Errorf("got error %v, want one that names the file", err)
	}
	if healed, err := LockSettings(dir, want, func() (bool, error) { return true, nil }); err != nil ||
		!errors.Is(healed, ErrDamaged) {
		t.Errorf("over a damaged file in a folder of ours: got %v, error %v, want the damage", healed, err)
	}
	if err := ReadLocked(dir, &back); err != nil || back.Latents.Classes[1] != "owl" {
		t.Errorf("healed, it reads %+v, %v", back, err)
	}
}

// nobodys says that nothing shows whose a folder is.
func nobodys() (bool, error) { return false, nil }
