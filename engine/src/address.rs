//! The identity of a resource: its kind and its name, unique in a graph and the same in every run.

use std::fmt;

use serde::Serialize;

/// The identity of a resource, written `kind.name`, such as `aws.subnet.private-a`.
///
/// Addresses order by kind, then by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The kind, as in [`Resource::KIND`](crate::Resource::KIND); may contain dots.
    pub kind: String,
    /// The name within the kind; may contain dots.
    pub name: String,
}

impl Address {
    /// The address of the resource `name` of kind `kind`.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind, self.name)
    }
}

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
