// Command lay-out makes a module build with an older Go than its dependencies were written for.
//
// It unpacks what the module's go.mod replaces by `./upstream/PATH@VERSION` to there, lowers the Go that it asks for to
// what the module itself asks for, and rewrites what the named packages, and all that they need, use of a newer
// language.
package main

import (
	"log"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
	"holodeck.example/upstream"
)

const sources = "./upstream/"

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: lay-out MODULE-FOLDER [PACKAGE…]")
	}
	if err := layOut(os.Args[1], os.Args[2:]); err != nil {
		log.Fatal(err)
	}
}

func layOut(folder string, packages []string) error {
	file, err := upstream.ReadModule(filepath.Join(folder, "go.mod"))
	if err != nil {
		return err
	}
	for _, replace := range file.Replace {
		name, ours := strings.CutPrefix(replace.New.Path, sources)
		source, version, _ := strings.Cut(name, "@")
		if !ours {
			continue
		}
		target := filepath.Join(folder, replace.New.Path)
		if _, err := upstream.Unpack(module.Version{Path: source, Version: version}, target, file.Go.Version); err != nil {
			return err
		}
	}
	if len(packages) == 0 {
		return nil
	}
	return upstream.WriteOutPromotedFields(folder, filepath.Join(folder, sources), packages...)
}
