package main

import (
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// finishAll replaces the definitions in a folder by finished copies of the raw ones and returns how many there are.
func finishAll(raw, folder, name, version, provenance string) (int, error) {
	files, err := filepath.Glob(filepath.Join(raw, "*.yaml"))
	if err != nil {
		return 0, err
	}
	if len(files) == 0 {
		return 0, fmt.Errorf("controller-gen wrote no definition")
	}
	if err := os.RemoveAll(folder); err != nil {
		return 0, err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return 0, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		text, err = finish(text, name, version, provenance)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(file)), text, 0o644); err != nil {
			return 0, err
		}
	}
	return len(files), nil
}

// finish puts our labels in place of the generator's metadata and takes out the descriptions of printed columns, which
// controller-gen keeps whatever length it is told.
func finish(text []byte, name, version, provenance string) ([]byte, error) {
	var definition map[string]any
	if err := yaml.Unmarshal(text, &definition); err != nil {
		return nil, err
	}
	metadata, ok := definition["metadata"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("no metadata")
	}
	definition["metadata"] = map[string]any{
		"name": metadata["name"],
		"labels": map[string]any{
			"app.kubernetes.io/name":      name,
			"app.kubernetes.io/instance":  name,
			"app.kubernetes.io/component": "crd",
			"app.kubernetes.io/version":   version,
			"app.kubernetes.io/part-of":   "holodeck",
		},
	}
	delete(definition, "status")
	spec, ok := definition["spec"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("no spec")
	}
	versions, _ := spec["versions"].([]any)
	for _, served := range versions {
		served, _ := served.(map[string]any)
		columns, _ := served["additionalPrinterColumns"].([]any)
		for _, column := range columns {
			if column, ok := column.(map[string]any); ok {
				delete(column, "description")
			}
		}
	}
	body, err := yaml.Marshal(definition)
	if err != nil {
		return nil, err
	}
	header := "# Written by hack/crds/generate.sh, do not edit. From " + provenance + "\n"
	return append([]byte(header), body...), nil
}
