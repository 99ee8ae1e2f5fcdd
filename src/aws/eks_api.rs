//! What the kinds of EKS have in common: tags in maps, lists within a cluster that may not exist, and the errors by which
//! EKS asks for patience (<https://docs.aws.amazon.com/eks/latest/APIReference/CommonErrors.html>).
//!
//! Requests carry the token that the SDK makes for each of them: its own retries are recognised as such, and what was
//! deleted can be made again under its name.

use std::collections::HashMap;
use std::future::Future;

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use futures::future::try_join_all;
use holodeck_engine::{Class, Error, Observed, Resource, Status};

use crate::aws::answer::Answer;
use crate::aws::client::Aws;
use crate::aws::owner::Tags;

/// The code by which EKS says that something does not exist.
pub const NOT_FOUND: &str = "ResourceNotFoundException";
/// The code by which EKS says that something else is under way, or needs what is to be removed.
pub const IN_USE: &str = "ResourceInUseException";

/// The tags to create the resource `name` with.
pub fn tags(aws: &Aws, name: &str, own: &Tags) -> Option<HashMap<String, String>> {
    Some(aws.owner.tags(name, own).into_iter().collect())
}

/// The name and the own tags of a resource with these tags, if it is ours.
pub fn recognise(aws: &Aws, tags: Option<&HashMap<String, String>>) -> Option<(String, Tags)> {
    aws.owner.recognise(&tags?.iter().collect::<Vec<_>>())
}

/// Sets tags on an existing resource.
pub async fn set_tags(aws: &Aws, arn: &str, tags: &Tags) -> Result<(), Error> {
    if tags.is_empty() {
        return Ok(());
    }
    let tags = tags.clone().into_iter().collect();
    aws.eks.tag_resource().resource_arn(arn).set_tags(Some(tags)).send().await.answer("TagResource")?;
    Ok(())
}

/// The environment's cluster, which has its name.
pub fn cluster_name(aws: &Aws) -> &str {
    &aws.owner.environment
}

/// The ARN of the environment's cluster.
pub fn cluster_arn(aws: &Aws) -> String {
    aws.arn("eks", true, &format!("cluster/{}", cluster_name(aws)))
}

/// The major and minor number of a version of Kubernetes, such as `1.35`.
pub fn kubernetes_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// What `describe` finds for each of the names or ids that a list gave, all at once.
pub async fn describe_each<R, F>(
    listed: Vec<String>,
    describe: impl Fn(String) -> F,
) -> Result<Vec<Observed<R>>, Error>
where
    R: Resource,
    F: Future<Output = Result<Option<Observed<R>>, Error>>,
{
    Ok(try_join_all(listed.into_iter().map(describe)).await?.into_iter().flatten().collect())
}

/// An issue that EKS reports, as one text.
pub fn issue(code: Option<&str>, message: Option<&str>) -> String {
    format!("{}: {}", code.unwrap_or("unknown issue"), message.unwrap_or("no message"))
}

/// The status that the name of an EKS state and the issues with it amount to; `what` names the resource in a sentence.
pub fn status(what: &str, state: &str, issues: &[String]) -> Status {
    let because = if issues.is_empty() { String::new() } else { format!(": {}", issues.join("; ")) };
    match state {
        "ACTIVE" if issues.is_empty() => Status::Ready,
        "ACTIVE" => Status::InProgress(format!("{what} is active, but not healthy{because}")),
        "CREATING" | "PENDING" => Status::InProgress(format!("{what} is being created{because}")),
        "UPDATING" => Status::InProgress(format!("{what} is being updated{because}")),
        "DEGRADED" => Status::InProgress(format!("{what} is degraded{because}")),
        "DELETING" => Status::Deleting(format!("{what} is being deleted{because}")),
        "CREATE_FAILED" | "FAILED" => Status::Failed(format!("{what} could not be created{because}")),
        "UPDATE_FAILED" => Status::Failed(format!("{what} could not be updated{because}")),
        "DELETE_FAILED" => Status::Failed(format!("{what} could not be deleted{because}")),
        state => Status::InProgress(format!("{what} is in state {state}{because}")),
    }
}

/// Turns the result of a removal into the engine's: what is gone is no error, and what is in use is waited for.
pub fn answer_removal<T, E, R>(result: Result<T, SdkError<E, R>>, operation: &str) -> Result<(), Error>
where
    Result<T, SdkError<E, R>>: Answer<T>,
    E: ProvideErrorMetadata,
{
    match &result {
        Err(error) if error.code() == Some(NOT_FOUND) => Ok(()),
        Err(error) if error.message().is_some_and(|message| message.contains("being updated")) => {
            result.answer_or_wait(operation, &[IN_USE, "InvalidRequestException"]).map(|_| ())
        }
        _ => result.answer_or_wait(operation, &[IN_USE]).map(|_| ()),
    }
}

/// Turns the result of a changing request into the engine's.
pub trait EksAnswer<T> {
    /// The answer. Waits while the cluster or the resource has another change under way, and while a role that was made
    /// just now is not known everywhere; what exists under the name already is a conflict.
    fn answer_when_ready(self, operation: &str) -> Result<T, Error>;
}

impl<T, E, R> EksAnswer<T> for Result<T, SdkError<E, R>>
where
    Self: Answer<T>,
    E: ProvideErrorMetadata,
{
    fn answer_when_ready(self, operation: &str) -> Result<T, Error> {
        let Err(error) = &self else { return self.answer(operation) };
        let message = error.message().unwrap_or_default().to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        match error.code() {
            Some(IN_USE) if says(&["already"]) => self.answer(operation).map_err(|mut error| {
                error.class = Class::Conflict;
                error.with_hint("remove what is there, unless another environment needs it")
            }),
            Some(IN_USE) => self.answer_or_wait(operation, &[IN_USE]),
            Some("InvalidParameterException") if says(&["role", "principal", "no changes needed"]) => {
                self.answer_or_wait(operation, &["InvalidParameterException"])
            }
            Some("InvalidRequestException") if says(&["not in active", "is not active"]) => {
                self.answer_or_wait(operation, &["InvalidRequestException"])
            }
            _ => self.answer(operation),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_tell_what_is_awaited_and_why() {
        let issues = ["InsufficientNumberOfReplicas: no node is ready".to_owned()];
        let cases = [
            ("ACTIVE", &[][..], Status::Ready),
            ("CREATING", &[], Status::InProgress("the add-on is being created".into())),
            (
                "DEGRADED",
                &issues,
                Status::InProgress(
                    "the add-on is degraded: InsufficientNumberOfReplicas: no node is ready".into(),
                ),
            ),
            (
                "CREATE_FAILED",
                &issues,
                Status::Failed(
                    "the add-on could not be created: InsufficientNumberOfReplicas: no node is ready".into(),
                ),
            ),
            ("DELETING", &[], Status::Deleting("the add-on is being deleted".into())),
        ];
        for (state, issues, expected) in cases {
            assert_eq!(status("the add-on", state, issues), expected, "{state}");
        }
    }
}
