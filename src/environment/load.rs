//! From a name to a valid environment, or to everything that is wrong with its files.
//!
//! The way: read the chain of files, compare the merged document with the schema, mend it, make it an
//! [`Environment`], apply the rules, and look up where each finding stands.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::document::{Node, Origin};
use super::finding::{Finding, Findings, Mark};
use super::invalid::{Invalid, Problem};
use super::key_path::KeyPath;
use super::source::{self, SourceFile};
use super::{Environment, rules, schema, structure};

/// Reads the environment `name` from `directory`, with the files that it extends, and checks all of it. The
/// environment `sandbox` is carried by the program and exists without any directory.
///
/// # Errors
/// Every problem that the files have, each with its place and remedy; or that there is no such environment.
pub fn load(directory: &Path, name: &str) -> Result<Environment, Invalid> {
    let chain = source::read(directory, name)?;
    let mut mended = chain.document.clone();
    let (mut findings, doubtful) = structure::check(&mut mended, &schema::of_whole());
    let read: Result<Environment, _> = serde_json::from_value(mended.to_json());
    let environment = match read {
        Ok(environment) => {
            let mut found = Findings::default();
            rules::check(&environment, name, &mut found);
            findings.add_independent(found, &doubtful);
            Some(environment)
        }
        Err(error) => {
            let help = "correct the value, or leave the key out to take its default";
            findings.add(Finding::new(KeyPath::default(), format!("a value cannot be used: {error}"), help));
            None
        }
    };
    match environment {
        Some(environment) if findings.is_empty() => Ok(environment),
        _ => Err(Invalid::Problems {
            name: name.to_owned(),
            problems: located(findings, &chain.document, &chain.files),
        }),
    }
}

/// Names of the environments that [`load`] can be asked for, in order: the files of `directory` that have a
/// `name`, and those that the program carries.
pub fn known(directory: &Path) -> Vec<String> {
    source::known(directory)
}

/// Loads every known environment.
pub fn load_all(directory: &Path) -> Vec<(String, Result<Environment, Invalid>)> {
    known(directory)
        .into_iter()
        .map(|name| {
            let loaded = load(directory, &name);
            (name, loaded)
        })
        .collect()
}

/// The findings as problems at their places, in the order of the files and their lines.
fn located(findings: Findings, document: &Node, files: &[SourceFile]) -> Vec<Problem> {
    let mut findings: Vec<(Place, Finding)> =
        findings.into_iter().map(|finding| (place(document, &finding.path, finding.mark), finding)).collect();
    findings.sort_by_key(|(place, _)| (place.file, place.span.start));
    let texts: Vec<Arc<str>> = files
        .iter()
        .enumerate()
        .map(|(file, source)| {
            let secret = findings.iter().filter(|(_, finding)| finding.concealed).flat_map(|(_, finding)| {
                let (node, found) = document.nearest(&finding.path);
                if found { node.leaves() } else { Vec::new() }
            });
            concealed(&source.text, secret.filter(|origin| origin.file == file))
        })
        .collect();
    findings.into_iter().map(|(place, finding)| problem(finding, place, document, files, &texts)).collect()
}

/// A span of a file of the chain.
struct Place {
    file: usize,
    span: Range<usize>,
}

fn place(document: &Node, path: &KeyPath, mark: Mark) -> Place {
    let (node, found) = document.nearest(path);
    let span = if found && mark == Mark::Key { &node.origin.key } else { &node.origin.value };
    Place { file: node.origin.file, span: span.clone() }
}

fn problem(
    finding: Finding,
    place: Place,
    document: &Node,
    files: &[SourceFile],
    texts: &[Arc<str>],
) -> Problem {
    let file = &files[place.file];
    let mut labels = vec![(None, place.span)];
    let mut help = finding.help;
    for (path, label) in finding.related {
        let (node, found) = document.nearest(&path);
        if !found {
            continue;
        }
        let Origin { file: at, value, .. } = &node.origin;
        if *at == place.file && !labels.iter().any(|(_, span)| span == value) {
            labels.push((Some(label), value.clone()));
        } else if *at != place.file {
            let line = texts[*at][..value.start].lines().count().max(1);
            help.push_str(&format!("\n{label}: `{path}` in {}, line {line}", files[*at].name));
        }
    }
    Problem::at(finding.message, Some(help), &file.name, &texts[place.file], labels)
}

/// The text with the values at `secret` made unreadable, every other place unchanged.
fn concealed<'o>(text: &Arc<str>, secret: impl Iterator<Item = &'o Origin>) -> Arc<str> {
    let mut bytes = text.as_bytes().to_vec();
    for origin in secret {
        for byte in &mut bytes[origin.value.clone()] {
            if !byte.is_ascii_whitespace() {
                *byte = b'*';
            }
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) => Arc::from(text),
        Err(_) => Arc::clone(text),
    }
}
