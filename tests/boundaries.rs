//! The boundaries between the parts, checked on their text: who may name what, and how files are kept.
//!
//! Invariant: the engine names no provider and no cluster, components name no cloud, and only `environments/*.toml`
//! tells environments apart.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Words of one cloud. What stands for it in the engine or in a component belongs into its provider.
const CLOUD: &[&str] = &[
    "amazon",
    "amazonaws",
    "arn",
    "aws",
    "azure",
    "cloudwatch",
    "ec2",
    "eks",
    "elbv2",
    "gcp",
    "iam",
    "imdsv2",
    "irsa",
    "kms",
    "rds",
    "route53",
    "s3",
    "ssm",
    "sts",
    "vpc",
];
/// Words of Kubernetes and of what runs on it, which the engine does not know either.
const CLUSTER: &[&str] = &[
    "argocd",
    "configmap",
    "crd",
    "daemonset",
    "helm",
    "ingress",
    "k8s",
    "kube",
    "kubeconfig",
    "kubectl",
    "kubelet",
    "kubernetes",
    "namespace",
    "pod",
    "pods",
    "statefulset",
    "vault",
];
/// The most lines that a source file has.
const LONGEST: usize = 500;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` with one of these extensions, in order.
fn files(folder: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the project") {
            let path = entry.expect("an entry").path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            if path.is_dir() {
                folders.push(path);
            } else if extension.is_some_and(|extension| extensions.contains(&extension)) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "nothing was found below {folder}");
    found
}

fn sources() -> Vec<PathBuf> {
    ["control-plane", "engine", "sandbox", "src", "tests"]
        .iter()
        .flat_map(|folder| files(folder, &["rs"]))
        .collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The code of a source file: without its tests, and without comments.
fn code(text: &str) -> String {
    let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines()
        .map(|line| line.split_once("//").map_or(line, |(code, _)| code))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The words of a text in lower case: `describeVpcs_once` has four.
fn words(text: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let mut word = String::new();
    let mut after_lower_case = false;
    for letter in text.chars() {
        let begins = letter.is_uppercase() && after_lower_case;
        if begins || !letter.is_alphanumeric() {
            words.insert(std::mem::take(&mut word));
        }
        if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        }
        after_lower_case = letter.is_lowercase() || letter.is_numeric();
    }
    words.insert(word);
    words
}

/// Files in whose text, as `view` gives it, one of `forbidden` stands, with the words.
fn mentions(files: &[PathBuf], forbidden: &[&[&str]], view: fn(&str) -> String) -> Vec<String> {
    let mut found = Vec::new();
    for path in files {
        let words = words(&view(&read(path)));
        let named: Vec<_> = forbidden.concat().into_iter().filter(|word| words.contains(*word)).collect();
        if !named.is_empty() {
            found.push(format!("{}: {}", shown(path), named.join(", ")));
        }
    }
    found
}

#[test]
fn words_are_found_however_they_are_written() {
    let expected = ["aws", "describe", "once", "sdk", "vpc"].map(str::to_owned);
    let found: Vec<_> =
        words("aws_sdk::describeVpc-ONCE").into_iter().filter(|word| !word.is_empty()).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_engine_names_no_cloud_and_no_cluster() {
    let engine: Vec<_> = files("engine/src", &["rs"]).into_iter().filter(|path| !is_test(path)).collect();
    assert_eq!(mentions(&engine, &[CLOUD, CLUSTER], code), [""; 0]);
}

#[test]
fn the_engine_depends_on_no_cloud_and_no_cluster() {
    assert_eq!(
        mentions(&[root().join("engine/Cargo.toml")], &[CLOUD, CLUSTER, &["clap"]], str::to_owned),
        [""; 0]
    );
}

#[test]
fn components_name_no_cloud() {
    // Definitions of custom resources are upstream's, and name the clouds that upstream supports.
    let mut manifests = files("bootstrap-manifests", &["yaml", "toml"]);
    manifests.retain(|path| path.parent().is_none_or(|folder| !folder.ends_with("crds")));
    let mut components = files("src/components", &["rs"]);
    components.retain(|path| !is_test(path));
    components.push(root().join("src/components.rs"));
    assert_eq!(mentions(&manifests, &[CLOUD], str::to_owned), [""; 0]);
    assert_eq!(mentions(&components, &[CLOUD], code), [""; 0]);
}

#[test]
fn only_environment_files_tell_environments_apart() {
    let environments: Vec<String> = files("environments", &["toml"])
        .iter()
        .filter_map(|path| path.file_stem()?.to_str().map(|name| format!("\"{name}\"")))
        // The sandbox's file is carried by the program, and `base` is no environment.
        .filter(|name| !matches!(name.as_str(), "\"sandbox\"" | "\"base\""))
        .collect();
    assert!(environments.contains(&"\"staging\"".to_owned()), "{environments:?}");
    let mut named = Vec::new();
    for path in ["engine/src", "src"].iter().flat_map(|folder| files(folder, &["rs"])) {
        let code = if is_test(&path) { String::new() } else { code(&read(&path)) };
        // Documentation and examples may name one.
        let lines = code.lines().filter(|line| !line.contains("example = "));
        let found =
            lines.flat_map(|line| environments.iter().filter(move |name| line.contains(name.as_str())));
        named.extend(found.map(|name| format!("{}: {name}", shown(&path))));
    }
    assert_eq!(named, [""; 0]);
}

#[test]
fn every_source_file_begins_with_its_purpose() {
    let silent: Vec<_> =
        sources().iter().filter(|path| !read(path).starts_with("//! ")).map(|path| shown(path)).collect();
    assert_eq!(silent, [""; 0], "begin it with `//!`: its purpose, and what always holds in it");
}

#[test]
fn no_source_file_is_too_long() {
    let long: Vec<_> = sources()
        .iter()
        .filter(|path| !is_test(path))
        .filter_map(|path| {
            let lines = read(path).lines().count();
            (lines > LONGEST).then(|| format!("{}: {lines} lines", shown(path)))
        })
        .collect();
    assert_eq!(long, [""; 0], "divide it by subject");
}

#[test]
fn nothing_asks_for_unsafe_code_or_leaves_something_undone() {
    let marks = ["todo!(", "unimplemented!(", "unsafe {", "#[ignore"];
    let mut found = Vec::new();
    for path in sources().iter().filter(|path| !path.ends_with("tests/boundaries.rs")) {
        let text = read(path);
        found.extend(
            marks.iter().filter(|mark| text.contains(**mark)).map(|mark| format!("{}: {mark}", shown(path))),
        );
    }
    assert_eq!(found, [""; 0]);
}

/// Whether a file has nothing but tests.
fn is_test(path: &Path) -> bool {
    path.strip_prefix(root()).unwrap_or(path).components().any(|part| {
        let part = Path::new(part.as_os_str());
        part.file_stem().is_some_and(|stem| stem == "tests" || stem == "sample")
    })
}
