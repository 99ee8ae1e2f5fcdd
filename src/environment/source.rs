//! The files that an environment is made of: found in the directory of environments, or carried by the
//! program.
//!
//! Invariant: a file in the directory goes before a carried one of the same name, and a carried file extends
//! carried ones only, so that the default environment is the same everywhere.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::document::{self, Node, SyntaxError, Value};
use super::format;
use super::invalid::{Invalid, Problem};

/// The key by which a file names the one that it extends.
const EXTENDS: &str = "extends";

/// Files that work without any directory.
const CARRIED: [(&str, &str); 2] = [
    ("base.toml", include_str!("../../environments/base.toml")),
    ("sandbox.toml", include_str!("../../environments/sandbox.toml")),
];

/// Where a file is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Disk(PathBuf),
    Carried(&'static str),
}

impl Place {
    fn name(&self) -> String {
        match self {
            Self::Disk(path) => path.display().to_string(),
            Self::Carried(name) => format!("{name} (built in)"),
        }
    }

    fn read(&self) -> io::Result<Arc<str>> {
        match self {
            Self::Disk(path) => std::fs::read_to_string(path).map(Arc::from),
            Self::Carried(name) => {
                carried(name).map(Arc::from).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
            }
        }
    }

    /// The place of the file that a file here calls `extends`.
    fn extended(&self, directory: &Path, extends: &str) -> Place {
        let Self::Disk(path) = self else {
            return carried_place(extends).unwrap_or_else(|| Place::Disk(directory.join(extends)));
        };
        let folder = path.parent().unwrap_or(directory);
        let target = plain(&folder.join(extends));
        match carried_place(extends) {
            Some(carried) if !target.exists() => carried,
            _ => Place::Disk(target),
        }
    }
}

fn carried(name: &str) -> Option<&'static str> {
    CARRIED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

fn carried_place(name: &str) -> Option<Place> {
    CARRIED.iter().find(|(known, _)| *known == name).map(|(known, _)| Place::Carried(known))
}

/// The path without `.` and without `x/..`, so that one file has one path.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

/// A file that was read.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// The file as messages name it.
    pub name: String,
    pub text: Arc<str>,
}

/// An environment's file and those that it extends.
pub(super) struct Chain {
    /// The files, the environment's own first; their positions are the document's file ids.
    pub files: Vec<SourceFile>,
    /// All of them merged.
    pub document: Node,
}

/// Names of the environments: of the files in `directory` that have a `name`, and of those carried, in order.
pub(super) fn known(directory: &Path) -> Vec<String> {
    let on_disk = std::fs::read_dir(directory).into_iter().flatten().flatten().filter_map(|entry| {
        let path = entry.path();
        let stem = path.file_stem()?.to_str()?.to_owned();
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        (is_toml && has_name(&std::fs::read_to_string(&path).ok()?)).then_some(stem)
    });
    let carried = CARRIED
        .iter()
        .filter(|(name, text)| has_name(text) && !directory.join(name).exists())
        .filter_map(|(name, _)| name.strip_suffix(".toml").map(str::to_owned));
    let mut names: Vec<String> = on_disk.chain(carried).collect();
    names.sort();
    names
}

fn has_name(text: &str) -> bool {
    let (document, _) = document::parse(0, text);
    document.table().is_some_and(|table| table.contains_key("name"))
}

/// Reads the environment `name` and everything that it extends.
pub(super) fn read(directory: &Path, name: &str) -> Result<Chain, Invalid> {
    let unknown = || Invalid::unknown(name, known(directory));
    if format::check("dns-label", name).is_err() {
        return Err(unknown());
    }
    let file = format!("{name}.toml");
    let path = directory.join(&file);
    let start = match (path.exists(), carried_place(&file)) {
        (true, _) => Place::Disk(plain(&path)),
        (false, Some(carried)) => carried,
        (false, None) => return Err(unknown()),
    };
    let mut reader = Reader { directory, visited: Vec::new(), read: Vec::new(), problems: Vec::new() };
    reader.follow(start);
    reader.finish(name)
}

/// Follows `extends` from file to file, the environment's own first.
struct Reader<'d> {
    directory: &'d Path,
    visited: Vec<Place>,
    read: Vec<(SourceFile, Node)>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn follow(&mut self, start: Place) {
        let mut next = Some((start, None));
        while let Some((place, named_at)) = next.take() {
            let text = match place.read() {
                Ok(text) => text,
                Err(error) => return self.problems.push(unreadable(&place, error, named_at)),
            };
            let (mut document, errors) = document::parse(self.read.len(), &text);
            let file = SourceFile { name: place.name(), text };
            self.problems.extend(errors.into_iter().map(|error| syntax_problem(&file, error)));
            let extends = match &mut document.value {
                Value::Table(table) => table.remove(EXTENDS),
                _ => None,
            };
            self.visited.push(place.clone());
            next = extends.and_then(|extends| self.extended(&place, &file, &extends));
            self.read.push((file, document));
        }
    }

    /// Where to go on, with the place that says so.
    fn extended(
        &mut self,
        place: &Place,
        file: &SourceFile,
        extends: &Node,
    ) -> Option<(Place, Option<NamedAt>)> {
        let at = NamedAt {
            file: file.name.clone(),
            text: Arc::clone(&file.text),
            span: extends.origin.value.clone(),
        };
        let Value::Text(target) = &extends.value else {
            let help = "write the name of one file, such as `extends = \"base.toml\"`";
            self.problems.push(at.problem("`extends` is not text".to_owned(), help.to_owned()));
            return None;
        };
        let target = place.extended(self.directory, target);
        let Some(first) = self.visited.iter().position(|visited| *visited == target) else {
            return Some((target, Some(at)));
        };
        let circle: Vec<String> = self.visited[first..].iter().chain([&target]).map(Place::name).collect();
        let message = format!("the files extend each other in a circle: {}", circle.join(" → "));
        let help = "let the most general of them extend nothing";
        self.problems.push(at.problem(message, help.to_owned()));
        None
    }

    fn finish(self, name: &str) -> Result<Chain, Invalid> {
        if !self.problems.is_empty() {
            return Err(Invalid::Problems { name: name.to_owned(), problems: self.problems });
        }
        if let Some((file, document)) = self.read.first()
            && !document.table().is_some_and(|table| table.contains_key("name"))
        {
            let message = format!("{} describes no environment: it has no `name` of its own", file.name);
            let help = format!("add `name = \"{name}\"` at its top, or extend it by a file that has a name");
            let problems = vec![Problem::at(message, Some(help), &file.name, &file.text, vec![(None, 0..0)])];
            return Err(Invalid::Problems { name: name.to_owned(), problems });
        }
        let (files, documents): (Vec<SourceFile>, Vec<Node>) = self.read.into_iter().unzip();
        let document = documents.into_iter().rev().reduce(Node::merge).unwrap_or_else(Node::empty_table);
        Ok(Chain { files, document })
    }
}

/// The `extends` that led to a file.
struct NamedAt {
    file: String,
    text: Arc<str>,
    span: std::ops::Range<usize>,
}

impl NamedAt {
    fn problem(self, message: String, help: String) -> Problem {
        Problem::at(message, Some(help), &self.file, &self.text, vec![(None, self.span)])
    }
}

fn unreadable(place: &Place, error: io::Error, named_at: Option<NamedAt>) -> Problem {
    let name = place.name();
    let missing = error.kind() == io::ErrorKind::NotFound;
    let (message, help) = if missing {
        (
            format!("the extended file {name} does not exist"),
            "`extends` is relative to the file that it stands in",
        )
    } else {
        (format!("{name} could not be read"), "check the file's permissions, and that it is text in UTF-8")
    };
    let problem = match named_at {
        Some(at) => at.problem(message, help.to_owned()),
        None => Problem::elsewhere(message, help.to_owned()),
    };
    if missing { problem } else { problem.caused_by(error) }
}

fn syntax_problem(file: &SourceFile, error: SyntaxError) -> Problem {
    let help = "the file's syntax is TOML: https://toml.io".to_owned();
    let message = format!("{} is not valid TOML: {}", file.name, error.message);
    Problem::at(message, Some(help), &file.name, &file.text, vec![(None, error.span)])
}
