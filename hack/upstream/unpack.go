// Package upstream lays out the source of modules that were written for a newer Go than the one at hand.
package upstream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// Unpack lays the source of a module into a folder and returns its checksum, which the go command has verified against
// the checksum database. The copy asks for no newer Go than `language`; what it uses of a newer one is not looked at.
func Unpack(source module.Version, folder, language string) (string, error) {
	scratch, err := os.MkdirTemp("", "upstream-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(scratch)
	var text, told bytes.Buffer
	command := exec.Command("go", "mod", "download", "-json", source.String())
	command.Dir, command.Stdout, command.Stderr = scratch, &text, &told
	command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	// Exits with an error, yet after a complete download, where the module asks for a newer Go than this one.
	failure := command.Run()
	var download struct{ Zip, Sum, Error string }
	if err := json.Unmarshal(text.Bytes(), &download); err != nil {
		return "", fmt.Errorf("download of %s: %s: %w", source, told.String(), err)
	}
	if download.Zip == "" || download.Sum == "" {
		return "", fmt.Errorf("download of %s: %s: %w", source, download.Error, failure)
	}
	if err := zip.Unzip(folder, source, download.Zip); err != nil {
		return "", err
	}
	return download.Sum, lower(filepath.Join(folder, "go.mod"), language)
}

// ReadModule reads a go.mod.
func ReadModule(path string) (*modfile.File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return modfile.Parse(path, text, nil)
}

// lower makes a go.mod ask for a version of Go, unless it asks for an older one.
func lower(path, language string) error {
	file, err := ReadModule(path)
	if err != nil {
		return err
	}
	if file.Go == nil || version.Compare("go"+file.Go.Version, "go"+language) <= 0 {
		return nil
	}
	if err := file.AddGoStmt(language); err != nil {
		return err
	}
	file.DropToolchainStmt()
	text, err := file.Format()
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}
