//! Why a command could not do its work.

use holodeck_engine::Error;
use holodeck_engine::observe::ObserveError;
use holodeck_engine::plan::PlanError;

use crate::environment::Invalid;
use crate::report::diagnostic;

/// An error that ends a command.
#[derive(Debug)]
pub enum Failure {
    /// The environment file has mistakes.
    Invalid(Box<Invalid>),
    /// Something below failed.
    Error(Error),
    /// What exists could not be looked at.
    Observe(Vec<ObserveError>),
    /// No plan could be made.
    Plan(PlanError),
    /// Anything else: a message, and what to do about it.
    Message(String, Option<String>),
}

impl Failure {
    /// A message with what to do about it.
    pub fn message(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Message(message.into(), Some(remedy.into()))
    }

    /// Prints it for people, on standard error.
    pub fn print(&self) {
        match self {
            Self::Invalid(invalid) => diagnostic::print(invalid.as_ref()),
            Self::Error(error) => diagnostic::print_error(error),
            Self::Observe(errors) => {
                for error in errors {
                    let text = format!("{error}: {}", error.source.chain());
                    diagnostic::print_text(&text, error.source.hint());
                }
            }
            Self::Plan(PlanError::Resource { address, source }) => {
                diagnostic::print_text(&format!("planning `{address}`: {}", source.chain()), source.hint());
            }
            Self::Plan(error) => diagnostic::print_text(&error.to_string(), None),
            Self::Message(message, remedy) => diagnostic::print_text(message, remedy.as_deref()),
        }
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(Box::new(invalid))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Vec<ObserveError>> for Failure {
    fn from(errors: Vec<ObserveError>) -> Self {
        Self::Observe(errors)
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}
