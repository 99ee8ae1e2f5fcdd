//! What is wrong with an environment's files, for people: file, line, column, text and remedy of every
//! problem.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use thiserror::Error;

use super::wording::{list, nearest};

/// Why there is no environment to work with.
#[derive(Debug, Error, Diagnostic)]
pub enum Invalid {
    /// No file of that name describes an environment.
    #[error("there is no environment `{name}`")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names of the environments that exist.
        known: Vec<String>,
        /// What to do.
        #[help]
        help: String,
    },

    /// The files of the environment do not describe one, for all of these reasons.
    #[error("environment `{name}` has {}", count(.problems.len()))]
    Problems {
        /// The name that was asked for.
        name: String,
        /// Everything that is wrong, the environment's own file first.
        #[related]
        problems: Vec<Problem>,
    },
}

fn count(problems: usize) -> String {
    if problems == 1 { "1 problem".to_owned() } else { format!("{problems} problems") }
}

impl Invalid {
    pub(super) fn unknown(name: &str, known: Vec<String>) -> Self {
        let names: Vec<&str> = known.iter().map(String::as_str).collect();
        let all = format!("the environments are {}", list(&names).replace(" or ", " and "));
        let help = match nearest(name, &names) {
            Some(near) => format!("did you mean `{near}`? {all}"),
            None => all,
        };
        Self::Unknown { name: name.to_owned(), known, help }
    }

    /// The problems, none for an unknown environment.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Unknown { .. } => &[],
            Self::Problems { problems, .. } => problems,
        }
    }
}

/// One thing that is wrong in an environment's files.
#[derive(Debug, Error, Diagnostic)]
#[error("{message}")]
pub struct Problem {
    message: String,
    #[help]
    help: Option<String>,
    #[source_code]
    text: Option<NamedSource<Arc<str>>>,
    #[label(collection)]
    labels: Vec<LabeledSpan>,
    #[source]
    cause: Option<io::Error>,
}

/// Where a problem stands, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Path of the file.
    pub file: String,
    /// Line in the file.
    pub line: usize,
    /// Column in the line.
    pub column: usize,
}

impl Problem {
    /// A problem that stands nowhere in a text.
    pub(super) fn elsewhere(message: String, help: String) -> Self {
        Self { message, help: Some(help), text: None, labels: Vec::new(), cause: None }
    }

    /// A problem at a place of a file.
    pub(super) fn at(
        message: String,
        help: Option<String>,
        file: &str,
        text: &Arc<str>,
        labels: Vec<(Option<String>, Range<usize>)>,
    ) -> Self {
        let labels = labels
            .into_iter()
            .enumerate()
            .map(|(position, (label, span))| match position {
                0 => LabeledSpan::new_primary_with_span(label, span),
                _ => LabeledSpan::new_with_span(label, span),
            })
            .collect();
        let text = NamedSource::new(file, Arc::clone(text)).with_language("TOML");
        Self { message, help, text: Some(text), labels, cause: None }
    }

    pub(super) fn caused_by(mut self, cause: io::Error) -> Self {
        self.cause = Some(cause);
        self
    }

    /// What to do about it.
    pub fn remedy(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Where it stands, if it is about a place in a file.
    pub fn place(&self) -> Option<Place> {
        let text = self.text.as_ref()?;
        let contents = text.read_span(self.labels.first()?.inner(), 0, 0).ok()?;
        Some(Place { file: text.name().to_owned(), line: contents.line() + 1, column: contents.column() + 1 })
    }
}
