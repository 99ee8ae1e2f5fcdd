//! What a rule finds wrong, told by key path; where that stands in which file is looked up afterwards.

use super::key_path::KeyPath;

/// One mistake.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(super) path: KeyPath,
    pub(super) mark: Mark,
    pub(super) message: String,
    pub(super) help: String,
    pub(super) related: Vec<(KeyPath, String)>,
    pub(super) concealed: bool,
}

/// What to point at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Key,
    Value,
}

impl Finding {
    /// A mistake in the value at `path`, or in the table that should hold it. The remedy goes into `help`.
    pub fn new(path: KeyPath, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            path,
            mark: Mark::Value,
            message: message.into(),
            help: help.into(),
            related: Vec::new(),
            concealed: false,
        }
    }

    /// Adds another value that took part in the decision, with a word on its part. A rule must name every
    /// value that it read: where one of them is already known to be wrong the finding is dropped, as it may
    /// only follow from that.
    pub fn because(mut self, path: KeyPath, label: impl Into<String>) -> Self {
        self.related.push((path, label.into()));
        self
    }

    /// Hides the value at the path wherever the file's text is shown: it may be a secret.
    pub fn conceal(mut self) -> Self {
        self.concealed = true;
        self
    }

    pub(super) fn at_key(mut self) -> Self {
        self.mark = Mark::Key;
        self
    }
}

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    /// Adds one.
    pub fn add(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes over the findings of `other` that rest on none of the `doubtful` paths.
    pub(super) fn add_independent(&mut self, other: Findings, doubtful: &[KeyPath]) {
        let in_doubt = |path: &KeyPath| doubtful.iter().any(|doubt| doubt.overlaps(path));
        self.0.extend(other.0.into_iter().filter(|finding| {
            !in_doubt(&finding.path) && !finding.related.iter().any(|(path, _)| in_doubt(path))
        }));
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
