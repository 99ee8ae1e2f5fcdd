#!/usr/bin/env bash
# Writes bootstrap-manifests/*/crds from the Go types of the versions that the components' values.toml name.
# Needs Go and its module proxy; everything it downloads stays in Go's own cache and a temporary folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec go run . "$(git rev-parse --show-toplevel)/bootstrap-manifests"
