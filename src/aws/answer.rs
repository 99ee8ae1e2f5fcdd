//! Answers of AWS as the engine understands them: errors classified by their code, with code and request id kept.

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::operation::RequestId;
use holodeck_engine::{Class, Error};

/// What a service answered.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}{}", .request.as_ref().map(|id| format!(" (request {id})")).unwrap_or_default())]
struct ServiceError {
    code: String,
    message: String,
    request: Option<String>,
}

/// Turns the result of a request into the engine's.
pub trait Answer<T> {
    /// The answer, or an error that names the operation and what AWS said.
    fn answer(self, operation: &str) -> Result<T, Error>;

    /// The answer, `None` if the error has one of `codes`, else the error.
    fn answer_unless(self, operation: &str, codes: &[&str]) -> Result<Option<T>, Error>;

    /// The answer; an error with one of `codes` means that the service is not ready for the request.
    fn answer_or_wait(self, operation: &str, codes: &[&str]) -> Result<T, Error>;

    /// The end of a removal: an error with a code in `gone` is none, since there is nothing left to remove; one with a
    /// code in `in_use` means that something still has to let go.
    fn removed(self, operation: &str, gone: &[&str], in_use: &[&str]) -> Result<(), Error>;
}

impl<T, E, R> Answer<T> for Result<T, SdkError<E, R>>
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
    SdkError<E, R>: RequestId,
{
    fn answer(self, operation: &str) -> Result<T, Error> {
        self.map_err(|error| classify(operation, error, &[]))
    }

    fn answer_unless(self, operation: &str, codes: &[&str]) -> Result<Option<T>, Error> {
        match self {
            Err(error) if error.code().is_some_and(|code| codes.contains(&code)) => Ok(None),
            result => result.answer(operation).map(Some),
        }
    }

    fn answer_or_wait(self, operation: &str, codes: &[&str]) -> Result<T, Error> {
        self.map_err(|error| classify(operation, error, codes))
    }

    fn removed(self, operation: &str, gone: &[&str], in_use: &[&str]) -> Result<(), Error> {
        match self {
            Err(error) if error.code().is_some_and(|code| gone.contains(&code)) => Ok(()),
            result => result.answer_or_wait(operation, in_use).map(drop),
        }
    }
}

/// Codes by which AWS says that the caller may not do something, or is unknown.
const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthFailure",
    "InvalidClientTokenId",
    "ExpiredToken",
    "ExpiredTokenException",
    "UnrecognizedClientException",
];

/// Codes by which AWS asks for patience, also after the client's own retries.
const THROTTLED: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "PriorRequestNotComplete",
    "SlowDown",
];

/// Codes by which AWS says that the name is taken, by something that is not ours: what is ours was seen before.
const TAKEN: &[&str] = &[
    "EntityAlreadyExists",
    "AlreadyExistsException",
    "ResourceAlreadyExistsException",
    "ResourceExistsException",
    "BucketAlreadyExists",
    "BucketAlreadyOwnedByYou",
    "DuplicateLoadBalancerName",
    "DuplicateTargetGroupName",
    "DBInstanceAlreadyExists",
    "DBSubnetGroupAlreadyExists",
    "HostedZoneAlreadyExists",
    "InvalidGroup.Duplicate",
    "InvalidLaunchTemplateName.AlreadyExistsException",
    "InvalidPermission.Duplicate",
];

fn classify<E, R>(operation: &str, error: SdkError<E, R>, wait_for: &[&str]) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
    SdkError<E, R>: RequestId,
{
    let request = error.request_id().map(str::to_owned);
    let message = operation.to_owned();
    match &error {
        SdkError::ServiceError(_) => {}
        SdkError::ConstructionFailure(_) => {
            return Error::new(Class::Bug, message).with_source(error.into_source_text());
        }
        _ => {
            let text = error.into_source_text();
            if text.contains("loading credentials") || text.contains("no providers in chain") {
                return Error::new(Class::Denied, format!("{message}: no AWS credentials were found")).with_hint(
                    "log in (`aws sso login`), set AWS_PROFILE or access keys, or rehearse with `--sandbox`",
                );
            }
            return Error::new(Class::Ambiguous, message).with_source(text);
        }
    }
    let code = error.code().unwrap_or("UnknownError").to_owned();
    let answer = ServiceError { message: error.message().unwrap_or("no message").to_owned(), request, code };
    let code = answer.code.as_str();
    let (class, hint) = if wait_for.contains(&code) || THROTTLED.contains(&code) {
        (Class::NotYet, None)
    } else if DENIED.contains(&code) {
        (Class::Denied, Some("check the credentials in use and the permissions of their role"))
    } else if TAKEN.contains(&code) {
        let hint = "something of that name exists that this environment does not own: remove or rename it";
        (Class::Conflict, Some(hint))
    } else if code.starts_with("Internal") || code.ends_with("Unavailable") {
        (Class::Ambiguous, None)
    } else {
        (Class::Refused, None)
    };
    let classified = Error::new(class, message).with_source(answer);
    match hint {
        Some(hint) => classified.with_hint(hint),
        None => classified,
    }
}

/// The whole chain of an error that is no answer of the service.
trait SourceText {
    fn into_source_text(self) -> String;
}

impl<E, R> SourceText for SdkError<E, R>
where
    E: std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    fn into_source_text(self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(&self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}

/// A field that AWS always gives; its absence is told as such.
pub trait Given<T> {
    /// The value, or an error that names what is missing.
    fn given(self, what: &str) -> Result<T, Error>;
}

impl<T> Given<T> for Option<T> {
    fn given(self, what: &str) -> Result<T, Error> {
        self.ok_or_else(|| Error::new(Class::Failed, format!("the answer of AWS lacks {what}")))
    }
}
