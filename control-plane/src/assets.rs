//! Where the servers are: a folder that `make servers` fills, named by the variable that Kubernetes projects use for it.

use std::path::{Path, PathBuf};

use kube::api::DynamicObject;

use crate::{StartError, cluster};

/// The environment variable with the folder.
const VARIABLE: &str = "KUBEBUILDER_ASSETS";
/// What must be in it; `kwok/` has the definitions and stages of kwok's release.
const CONTENTS: [&str; 7] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
    "kwok",
    KWOK_MANIFESTS,
];
/// Next to the program `kwok` its manifests need a name of their own.
const KWOK_MANIFESTS: &str = "kwok-manifests";

/// A program or file that stands beside the servers, such as `helm`.
///
/// # Errors
/// The servers are not there, or lack it.
pub fn program(name: &str) -> Result<PathBuf, StartError> {
    let path = Assets::find()?.program(name);
    if path.exists() { Ok(path) } else { Err(StartError::Missing(path)) }
}

/// The folder with the servers.
#[derive(Debug)]
pub(crate) struct Assets(PathBuf);

impl Assets {
    /// The folder that the environment names.
    #[expect(clippy::disallowed_methods, reason = "the one place that looks for the servers")]
    pub fn find() -> Result<Self, StartError> {
        let folder = std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty());
        Self::at(Path::new(&folder.ok_or(StartError::NoServers { variable: VARIABLE })?))
    }

    fn at(folder: &Path) -> Result<Self, StartError> {
        let missing = CONTENTS.iter().map(|name| folder.join(name)).find(|path| !path.exists());
        missing.map_or_else(|| Ok(Self(folder.to_owned())), |path| Err(StartError::Missing(path)))
    }

    /// The definitions of kwok's kinds, and then the stages that nodes and pods go through.
    pub fn kwok_manifests(&self) -> Result<Vec<DynamicObject>, StartError> {
        let folder = self.0.join(KWOK_MANIFESTS);
        let reading = |path: &Path| StartError::system(format!("read `{}`", path.display()));
        let mut objects = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(reading(&folder))? {
            let path = entry.map_err(reading(&folder))?.path();
            let text = std::fs::read_to_string(&path).map_err(reading(&path))?;
            objects.extend(cluster::objects(&text).map_err(StartError::unusable("a manifest of kwok"))?);
        }
        let is_stage =
            |object: &DynamicObject| object.types.as_ref().is_some_and(|types| types.kind == "Stage");
        objects.sort_by_key(is_stage);
        Ok(objects)
    }

    /// A program of the folder.
    pub fn program(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_server_is_named_with_what_makes_it() {
        let folder = tempfile::tempdir().unwrap();
        for name in CONTENTS.iter().filter(|name| **name != "kube-scheduler") {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let error = Assets::at(folder.path()).unwrap_err().to_string();
        assert!(error.contains("kube-scheduler` is missing; `make servers`"), "{error}");
    }

    #[test]
    fn what_stages_are_comes_before_the_stages() {
        let folder = tempfile::tempdir().unwrap();
        let manifests = folder.path().join(KWOK_MANIFESTS);
        std::fs::create_dir(&manifests).unwrap();
        for (file, kind) in [("a.yaml", "Stage"), ("b.yaml", "CustomResourceDefinition")] {
            let text = format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: {kind}}}\n");
            std::fs::write(manifests.join(file), text).unwrap();
        }
        let manifests = Assets(folder.path().to_owned()).kwok_manifests().unwrap();
        let kinds: Vec<_> = manifests.iter().map(|object| object.metadata.name.as_deref()).collect();
        assert_eq!(kinds, [Some("CustomResourceDefinition"), Some("Stage")]);
    }
}
