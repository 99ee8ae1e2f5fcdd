//! Where a value stands in an environment file: the keys and array positions that lead to it.

use std::fmt;

/// One step of a [`KeyPath`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// A key of a table.
    Key(String),
    /// A position in an array, from 0.
    Index(usize),
}

/// The keys and positions from the top of the file to a value. Written as TOML writes dotted keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyPath(Vec<Step>);

impl KeyPath {
    /// The path of the value below `key` here.
    pub fn key(&self, key: &str) -> Self {
        self.then(Step::Key(key.to_owned()))
    }

    /// The path of the value at `index` here.
    pub fn index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    /// The path that `keys` with dots between lead to from here; none of the keys may hold a dot.
    pub fn keys(&self, keys: &str) -> Self {
        keys.split('.').fold(self.clone(), |path, key| path.key(key))
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The last key, or the whole of an empty path as nothing.
    pub(super) fn last_key(&self) -> &str {
        self.0
            .iter()
            .rev()
            .find_map(|step| match step {
                Step::Key(key) => Some(key.as_str()),
                Step::Index(_) => None,
            })
            .unwrap_or_default()
    }

    /// Whether one of the two leads to the other or to something in it.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0) || other.0.starts_with(&self.0)
    }

    fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    if position > 0 {
                        f.write_str(".")?;
                    }
                    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
                    if !key.is_empty() && key.chars().all(bare) {
                        f.write_str(key)?;
                    } else {
                        write!(f, "{key:?}")?;
                    }
                }
            }
        }
        Ok(())
    }
}
