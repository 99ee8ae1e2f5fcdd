package main

import (
	"encoding/json"
	"fmt"
	"go/version"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// unpack lays the source of a module into a folder and returns its checksum, which the go command has verified against
// the checksum database.
func unpack(path, revision, folder string) (string, error) {
	scratch, err := os.MkdirTemp("", "crds-download-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(scratch)
	// Exits with an error, yet after a complete download, where the module asks for a newer Go than this one.
	text, failure := output(scratch, "go", "mod", "download", "-json", path+"@"+revision)
	var download struct{ Zip, Sum, Error string }
	if err := json.Unmarshal([]byte(text), &download); err != nil {
		return "", fmt.Errorf("download of %s %s: %w", path, revision, err)
	}
	if download.Zip == "" || download.Sum == "" {
		return "", fmt.Errorf("download of %s %s: %s: %w", path, revision, download.Error, failure)
	}
	if err := zip.Unzip(folder, module.Version{Path: path, Version: revision}, download.Zip); err != nil {
		return "", err
	}
	return download.Sum, acceptThisGo(filepath.Join(folder, "go.mod"))
}

// acceptThisGo lowers the version of Go that a go.mod asks for to the running one. The packages with the types are only
// parsed and type-checked, never run: if they do use a newer language, controller-gen says so and nothing is written.
func acceptThisGo(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	file, err := modfile.Parse(path, text, nil)
	if err != nil {
		return err
	}
	if file.Go == nil || version.Compare("go"+file.Go.Version, runtime.Version()) <= 0 {
		return nil
	}
	if err := file.AddGoStmt(strings.TrimPrefix(runtime.Version(), "go")); err != nil {
		return err
	}
	file.DropToolchainStmt()
	if text, err = file.Format(); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}
