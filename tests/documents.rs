//! What documents refer to is there: files by their paths, and places in other documents by their links.

use std::path::{Path, PathBuf};

/// The project's folders in which documents name files.
const FOLDERS: [&str; 9] = [
    "bootstrap-manifests/",
    "control-plane/",
    "docs/",
    "engine/",
    "environments/",
    "hack/",
    "sandbox/",
    "src/",
    "tests/",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Markdown files of the project, with their texts.
fn documents() -> Vec<(PathBuf, String)> {
    let mut folders = vec![root().join("docs")];
    let mut paths: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].iter().map(|name| root().join(name)).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of documents") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => paths.push(path),
            }
        }
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).expect("a document"))).collect()
}

/// The targets of a document's links, without those to other sites.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://")).collect()
}

/// The anchors of a document's headings.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

/// What a heading is linked by: lower case, hyphens for spaces, no other punctuation.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// The texts in code spans that read like paths of this project.
fn paths(text: &str) -> Vec<&str> {
    let spans = text.split('`').skip(1).step_by(2);
    let is_path = |span: &&str| {
        FOLDERS.iter().any(|folder| span.starts_with(folder)) && !span.contains(['<', '*', '…', ' '])
    };
    spans.filter(is_path).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for (path, text) in documents() {
        for link in links(&text) {
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.with_file_name("").join(file) };
            let is_there = match place {
                "" => target.exists(),
                place => std::fs::read_to_string(&target)
                    .is_ok_and(|text| anchors(&text).iter().any(|anchor| anchor == place)),
            };
            if !is_there {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert_eq!(broken, [""; 0]);
}

#[test]
fn files_that_are_named_exist() {
    let mut missing = Vec::new();
    for (path, text) in documents() {
        let named = paths(&text).into_iter().filter(|named| !root().join(named).exists());
        missing.extend(named.map(|named| format!("{}: {named}", path.display())));
    }
    assert_eq!(missing, [""; 0]);
}

#[test]
fn links_and_paths_are_found_in_text() {
    let text =
        "See [there](a.md#a-place) or [here](https://x.example), `src/main.rs`, `src/<name>` and `other/x`.";
    assert_eq!(links(text), ["a.md#a-place"]);
    assert_eq!(paths(text), ["src/main.rs"]);
    assert_eq!(anchors("# A\n## `[x.<name>]` of us\n"), ["a", "xname-of-us"]);
}
