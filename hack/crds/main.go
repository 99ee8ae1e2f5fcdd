// Command crds writes the custom resource definitions of the embedded components.
//
// The Go types of each component's pinned upstream module are the only source: controller-gen turns them into complete
// structural schemas, their prose is left out, and our labels are put in. The version is the one in the component's
// values.toml, so that an upgrade changes one number and runs generate.sh.
package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"golang.org/x/mod/module"
	"holodeck.example/upstream"
)

// component says which packages of which module define the custom resources of one folder of bootstrap-manifests.
type component struct {
	folder   string
	module   string
	packages []string
	// nested maps folders that upstream's go.mod points to, and that the module's archive leaves out because they are
	// modules of their own, to the modules of the same version that hold them.
	nested map[string]string
}

var components = []component{
	{
		folder:   "cert-manager",
		module:   "github.com/cert-manager/cert-manager",
		packages: []string{"./pkg/apis/certmanager/v1", "./pkg/apis/acme/v1"},
	},
	{
		folder:   "argo-cd",
		module:   "github.com/argoproj/argo-cd/v3",
		packages: []string{"./pkg/apis/application/v1alpha1"},
		nested:   map[string]string{"gitops-engine": "github.com/argoproj/argo-cd/gitops-engine/v3"},
	},
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: crds MANIFESTS-FOLDER")
	}
	scratch, err := os.MkdirTemp("", "crds-")
	if err != nil {
		log.Fatal(err)
	}
	err = generateAll(os.Args[1], scratch)
	if removal := os.RemoveAll(scratch); err == nil {
		err = removal
	}
	if err != nil {
		log.Fatal(err)
	}
}

func generateAll(manifests, scratch string) error {
	controllerGen, err := output("", "go", "tool", "-n", "controller-gen")
	if err != nil {
		return err
	}
	for _, c := range components {
		if err := generate(c, manifests, filepath.Join(scratch, c.folder), controllerGen); err != nil {
			return fmt.Errorf("%s: %w", c.folder, err)
		}
	}
	return nil
}

func generate(c component, manifests, scratch, controllerGen string) error {
	folder := filepath.Join(manifests, c.folder)
	version, err := pinnedVersion(filepath.Join(folder, "values.toml"))
	if err != nil {
		return err
	}
	source := filepath.Join(scratch, "source")
	sum, err := unpack(c.module, version, source)
	if err != nil {
		return err
	}
	for path, nested := range c.nested {
		if _, err := unpack(nested, version, filepath.Join(source, path)); err != nil {
			return err
		}
	}
	raw := filepath.Join(scratch, "crds")
	// A description of length 0 is none: what the fields mean is upstream's documentation to tell.
	arguments := []string{"crd:crdVersions=v1,maxDescLen=0", "output:crd:dir=" + raw}
	for _, path := range c.packages {
		arguments = append(arguments, "paths="+path)
	}
	if _, err := output(source, controllerGen, arguments...); err != nil {
		return err
	}
	provenance := fmt.Sprintf("%s@v%s %s", c.module, version, sum)
	count, err := finishAll(raw, filepath.Join(folder, "crds"), c.folder, version, provenance)
	if err != nil {
		return err
	}
	log.Printf("%s %s: %d definitions", c.folder, version, count)
	return nil
}

// unpack lays the source of a module into a folder. The packages with the types are only parsed and type-checked, never
// run: if they do use a newer language than this Go's, controller-gen says so and nothing is written.
func unpack(path, version, folder string) (string, error) {
	source := module.Version{Path: path, Version: "v" + version}
	return upstream.Unpack(source, folder, strings.TrimPrefix(runtime.Version(), "go"))
}

var versionLine = regexp.MustCompile(`(?m)^version = "([^"]+)"$`)

func pinnedVersion(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	found := versionLine.FindSubmatch(text)
	if found == nil {
		return "", fmt.Errorf("%s has no line `version = \"…\"`", path)
	}
	return string(found[1]), nil
}

// output runs a command in a folder and returns what it prints, trimmed. Modules may be looked up: the folders are
// unpacked copies whose go.sum need not list all that is needed.
func output(folder, name string, arguments ...string) (string, error) {
	command := exec.Command(name, arguments...)
	command.Dir = folder
	if folder != "" {
		command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	}
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w", strings.Join(command.Args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
