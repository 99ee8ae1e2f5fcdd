#!/usr/bin/env bash
# Makes sure that the servers which tests start are there, and prints the folder that they are in.
#
# What KUBEBUILDER_ASSETS has is used as it is. The rest is built from the Go modules beside this script, which pin the
# versions, into a cache outside of the checkout; there it stays until a version, this script or Go changes.
#
# `install.sh controllers` makes sure of Argo CD and cert-manager too, and of what they need beside them; `install.sh vault` of
# Vault.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# Program, the module that pins it, and its package.
programs=(
    "etcd etcd go.etcd.io/etcd/server/v3"
    "kube-apiserver kubernetes k8s.io/kubernetes/cmd/kube-apiserver"
    "kube-controller-manager kubernetes k8s.io/kubernetes/cmd/kube-controller-manager"
    "kube-scheduler kubernetes k8s.io/kubernetes/cmd/kube-scheduler"
    "kubectl kubernetes k8s.io/kubernetes/cmd/kubectl"
    "kwok kwok sigs.k8s.io/kwok/cmd/kwok"
    "helm helm helm.sh/helm/v4/cmd/helm"
)
case ${1:-} in
    "") ;;
    controllers)
        programs+=(
            "argocd argo-cd github.com/argoproj/argo-cd/v3/cmd"
            "redis-server argo-cd ./redis-server"
            "git-server argo-cd ./git-server"
            "cert-manager cert-manager ."
        )
        ;;
    vault) programs+=("vault vault github.com/hashicorp/vault") ;;
    *)
        echo "usage: install.sh [controllers|vault]" >&2
        exit 2
        ;;
esac
# What kwok plays nodes and pods by: files of its own release.
kwok_manifests=(
    crd/bases/kwok.x-k8s.io_clusterportforwards.yaml
    crd/bases/kwok.x-k8s.io_stages.yaml
    stage/node/fast/node-initialize.yaml
    stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml
    stage/pod/fast/pod-complete.yaml
    stage/pod/fast/pod-delete.yaml
    stage/pod/fast/pod-ready.yaml
)
# Charts of upstream, as folders.
charts=(
    "vault github.com/hashicorp/vault-helm"
)
# What Argo CD calls, as it is in its module.
argo_cd_scripts=()
[ "${1:-}" != controllers ] || argo_cd_scripts=(git-verify-wrapper.sh)
given=${KUBEBUILDER_ASSETS:-}

say() { echo "servers: $*" >&2; }

is_given() { [ -n "$given" ] && [ -e "$given/$1" ]; }

# A folder that has everything is the answer itself.
all_given() {
    local program chart
    for program in "${programs[@]}" "${argo_cd_scripts[@]}"; do is_given "${program%% *}" || return 1; done
    for chart in "${charts[@]}"; do is_given "charts/${chart%% *}" || return 1; done
    is_given kwok-manifests
}
if all_given; then
    echo "$given"
    exit
fi

if ! command -v go >/dev/null; then
    say "Go 1.26 or newer is needed to build them: https://go.dev/dl/"
    say "Or name a folder that has them all in KUBEBUILDER_ASSETS: ${programs[*]%% *} kwok-manifests"
    exit 1
fi

sources=(install.sh ./*/go.mod ./*/go.sum argo-cd/*/*.go cert-manager/*.go ../upstream/*.go)
key=$({ cat "${sources[@]}"; go env GOVERSION GOOS GOARCH; echo "$given"; } | sha256sum | cut -c1-16)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/holodeck-bootstrap/servers/$key
mkdir -p "$folder"
# One at a time: a second run waits, and then finds everything there.
exec 9>"$folder/.lock"
flock 9

# The versions of Kubernetes' programs are set when they are linked; without, clients take them for version 0.
version=$(cd kubernetes && go list -m -f '{{.Version}}' k8s.io/kubernetes)
IFS=. read -r major minor _ <<<"${version#v}"
stamp=k8s.io/component-base/version
link="-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=$major -X $stamp.gitMinor=$minor"

# Argo CD is written for Go 1.27, of which 1.26 has one package as an experiment, and lacks some of the language.
laid_out=$folder/.argo-cd
lay_out_argo_cd() {
    case $(go env GOVERSION) in go1.26*) export GOEXPERIMENT=jsonv2 ;; esac
    [ -d "$laid_out" ] && return
    say "unpacking Argo CD"
    rm -rf "$laid_out.part"
    cp -r argo-cd "$laid_out.part"
    (cd ../upstream && go run ./lay-out "$laid_out.part" github.com/argoproj/argo-cd/v3/cmd)
    mv "$laid_out.part" "$laid_out"
}

for program in "${programs[@]}"; do
    read -r name module package <<<"$program"
    [ -e "$folder/$name" ] && continue
    if is_given "$name"; then
        ln -s "$given/$name" "$folder/$name"
        continue
    fi
    if [ "$module" = argo-cd ]; then
        lay_out_argo_cd
        module=$laid_out
    fi
    say "building $name"
    (cd "$module" && go build -mod=readonly -trimpath -ldflags "$link" -o "$folder/.$name" "$package")
    mv "$folder/.$name" "$folder/$name"
done
for script in "${argo_cd_scripts[@]}"; do
    [ -e "$folder/$script" ] && continue
    lay_out_argo_cd
    install -m 755 "$laid_out"/upstream/github.com/argoproj/argo-cd/v3@*/hack/"$script" "$folder/"
done
rm -rf "$laid_out"

if [ ! -e "$folder/kwok-manifests" ]; then
    release=$(cd kwok && go list -m -f '{{.Dir}}' sigs.k8s.io/kwok)
    rm -rf "$folder/.kwok-manifests"
    mkdir "$folder/.kwok-manifests"
    for manifest in "${kwok_manifests[@]}"; do
        install -m 644 "$release/kustomize/$manifest" "$folder/.kwok-manifests/"
    done
    mv "$folder/.kwok-manifests" "$folder/kwok-manifests"
fi

for chart in "${charts[@]}"; do
    read -r name module <<<"$chart"
    [ -e "$folder/charts/$name" ] && continue
    (cd charts && go mod download "$module")
    mkdir -p "$folder/charts"
    rm -rf "$folder/charts/.$name"
    cp -r "$(cd charts && go list -m -f '{{.Dir}}' "$module")" "$folder/charts/.$name"
    chmod -R u+w "$folder/charts/.$name"
    mv "$folder/charts/.$name" "$folder/charts/$name"
done

echo "$folder"
