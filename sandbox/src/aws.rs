//! A simulated AWS, typed at the level of the SDK's operations: one region of one account, in memory.
//!
//! [`SimulatedAws`] answers the operations that are registered, out of one [`World`]; any other is a clear error.
//! Behaviour follows the API references: errors carry AWS's codes, things under way pass through their states on the
//! virtual clock, and what others depend on cannot be removed.
//!
//! To add an operation: write `fn(&mut World, &OperationInput) -> Answer<OperationOutput>` in the file of its service,
//! and register it in that service's `register`. To add a service: give it a file with its state and `register`, a field
//! in [`World`], a line in `dispatch::Services::all`, and its protocol in `wire`.

mod admission;
mod api_server;
mod autoscaling;
mod cloudwatchlogs;
mod connection;
mod dispatch;
mod ec2;
mod eks;
mod elasticloadbalancingv2;
mod filters;
mod iam;
mod kms;
#[cfg(test)]
mod landscape;
mod name_server;
mod paging;
mod rds;
mod route53;
mod s3;
mod secretsmanager;
mod ssm;
mod sts;
#[cfg(test)]
mod testing;
mod tokens;
mod wire;
mod world;

pub use connection::{Options, SimulatedAws};
pub use dispatch::Call;
pub(crate) use dispatch::Services;
pub use name_server::SimulatedNameServer;
pub(crate) use world::{Tags, World};

/// An error as AWS gives it: a code and a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub code: String,
    pub message: String,
}

impl ApiError {
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }

    /// The same under the code that a service has for it.
    pub fn with_code(self, code: &str) -> Self {
        Self { code: code.to_owned(), ..self }
    }
}

/// An answer that lacks a field which the SDK requires.
impl From<aws_smithy_types::error::operation::BuildError> for ApiError {
    fn from(error: aws_smithy_types::error::operation::BuildError) -> Self {
        Self::new("InternalFailure", error.to_string())
    }
}

/// What an operation gives.
pub(crate) type Answer<T> = Result<T, ApiError>;

/// A moment as the SDK writes it.
pub(crate) fn date_time(moment: jiff::Timestamp) -> aws_smithy_types::DateTime {
    aws_smithy_types::DateTime::from_millis(moment.as_millisecond())
}

/// Lets happen what was due by now, before anybody looks: most states are read off the clock, some ends must take place.
fn settle(world: &mut World) {
    ec2::settle(world);
    autoscaling::settle(world);
    eks::settle(world);
    elasticloadbalancingv2::settle(world);
    kms::settle(world);
    rds::settle(world);
    secretsmanager::settle(world);
}
