//! Errors of resources, classified by what the engine does about them.

use std::fmt;

use crate::resource::Explanation;

/// What an error means for the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The service refuses what was asked for; asking again does not help.
    Refused,
    /// The caller lacks a permission or a credential.
    Denied,
    /// Something of that name is there and is not ours.
    Conflict,
    /// The service is not ready for the request yet; the engine asks again until the resource's time-out.
    NotYet,
    /// The request may or may not have been carried out; the engine looks before it asks again.
    Ambiguous,
    /// The service failed, also after the client's own retries.
    Failed,
    /// A contradiction in this program.
    Bug,
}

/// An error of a resource: what was tried, what the service answered, and what to do.
///
/// The cause stands in `source` and is not repeated in the message.
pub struct Error {
    /// What the engine does about it.
    pub class: Class,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of class `class`; the message names what was tried and on what.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), hint: None, source: None }
    }

    /// A contradiction in this program.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(Class::Bug, message)
    }

    /// The service is not ready; `why` is shown while the engine waits.
    pub fn not_yet(why: impl Into<String>) -> Self {
        Self::new(Class::NotYet, why)
    }

    /// The same error with its cause.
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same error with what to do about it.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The error as the reason of a wait.
    pub(crate) fn explanation(&self) -> Explanation {
        Explanation { why: self.chain(), hint: self.hint.clone() }
    }

    /// The message and its causes, joined by colons.
    pub fn chain(&self) -> String {
        let mut text = self.message.clone();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("class", &self.class).field("chain", &self.chain()).finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
