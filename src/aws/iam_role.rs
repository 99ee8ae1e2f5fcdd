//! An IAM role with its trust policy, its managed policies and its inline policies
//! (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>).
//!
//! Invariant: all roles of an environment lie on its path, by which they are found; their documents are compared as JSON
//! values, so that white space and encoding never differ. Policies are attached after the role is made, and detached
//! before it goes.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::error::ProvideErrorMetadata;
use aws_sdk_iam::types::{Role as Description, Tag};
use futures::future::{try_join, try_join_all};
use holodeck_engine::{Class, Durations, Error, FieldChange, Observed, Output, Resource, Status};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::answer::{Answer, Given};
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::owner::{self, Tags};

/// The code by which IAM says that something does not exist.
const NOT_FOUND: &str = "NoSuchEntity";
/// The codes by which IAM says that it still works on the role, or that something still uses it.
const BUSY: [&str; 2] = ["ConcurrentModification", "DeleteConflict"];

/// A role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IamRole {
    /// What it is for, for people.
    pub description: String,
    /// Who may assume it: a policy document.
    pub trust: Value,
    /// ARNs of the managed policies that it has.
    pub managed_policies: BTreeSet<String>,
    /// Policy documents of its own, by name.
    pub inline_policies: BTreeMap<String, Value>,
    /// How long a session may last, in seconds, from 3600 to 43200.
    pub max_session_seconds: i32,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// What a role puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    arn: String,
}

impl IamRole {
    /// The role's ARN.
    pub const ARN: Output<Self, String> = Output::new("arn");
}

/// The path that all roles of the environment have.
pub fn path(aws: &Aws) -> String {
    format!("/holodeck/{}/", aws.owner.environment)
}

impl Resource for IamRole {
    const KIND: &'static str = "aws.iam_role";
    type Outputs = Outputs;
    type Client = Aws;

    fn durations(&self) -> Durations {
        Durations::seconds(10, 5, 2, 300)
    }

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    fn foresee(&self, aws: &Aws, name: &str) -> Value {
        let resource = format!("role{}{}", path(aws), aws.owner.prefixed(name));
        json!({ "arn": aws.arn("iam", false, &resource) })
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let pages = aws.iam.list_roles().path_prefix(path(aws)).into_paginator().items().send();
        let found: Vec<Description> = pages.collect::<Result<_, _>>().await.answer("ListRoles")?;
        let observed = try_join_all(found.iter().map(|role| observe(aws, role.role_name()))).await?;
        Ok(observed.into_iter().flatten().collect())
    }

    async fn read(aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let observed = observe(aws, &aws.owner.prefixed(name)).await?;
        Ok(observed.filter(|observed| observed.name == name))
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let request = aws
            .iam
            .create_role()
            .role_name(aws.owner.prefixed(name))
            .path(path(aws))
            .description(&self.description)
            .assume_role_policy_document(self.trust.to_string())
            .max_session_duration(self.max_session_seconds)
            .set_tags(Some(sdk_tags(aws.owner.tags(name, &self.tags))?));
        request.send().await.answer("CreateRole")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        let changed = |field| touches(changes, field);
        let role = &aws.owner.prefixed(&seen.name);
        if changed("description") || changed("max_session_seconds") {
            let request = aws.iam.update_role().role_name(role).description(&self.description);
            let request = request.max_session_duration(self.max_session_seconds);
            request.send().await.answer_or_wait("UpdateRole", &BUSY)?;
        }
        if changed("trust") {
            let request = aws.iam.update_assume_role_policy().role_name(role);
            let request = request.policy_document(self.trust.to_string());
            request.send().await.answer_or_wait("UpdateAssumeRolePolicy", &BUSY)?;
        }
        if changed("managed_policies") {
            self.change_managed_policies(aws, role, &seen.attributes.managed_policies).await?;
        }
        if changed("inline_policies") {
            self.change_inline_policies(aws, role, &seen.attributes.inline_policies).await?;
        }
        if changed("tags") && !self.tags.is_empty() {
            let request = aws.iam.tag_role().role_name(role).set_tags(Some(sdk_tags(self.tags.clone())?));
            request.send().await.answer_or_wait("TagRole", &BUSY)?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let role = &aws.owner.prefixed(&seen.name);
        let detached = seen.attributes.managed_policies.iter().map(|arn| detach(aws, role, arn));
        try_join_all(detached).await?;
        let removed = seen.attributes.inline_policies.keys().map(|policy| remove(aws, role, policy));
        try_join_all(removed).await?;
        let request = aws.iam.delete_role().role_name(role).send().await;
        if request.as_ref().is_err_and(|error| error.code() == Some(NOT_FOUND)) {
            return Ok(());
        }
        request.answer_or_wait("DeleteRole", &BUSY).map(|_| ())
    }
}

impl IamRole {
    async fn change_managed_policies(
        &self,
        aws: &Aws,
        role: &str,
        present: &BTreeSet<String>,
    ) -> Result<(), Error> {
        for arn in self.managed_policies.difference(present) {
            let request = aws.iam.attach_role_policy().role_name(role).policy_arn(arn);
            request.send().await.answer_or_wait("AttachRolePolicy", &BUSY)?;
        }
        for arn in present.difference(&self.managed_policies) {
            detach(aws, role, arn).await?;
        }
        Ok(())
    }

    async fn change_inline_policies(
        &self,
        aws: &Aws,
        role: &str,
        present: &BTreeMap<String, Value>,
    ) -> Result<(), Error> {
        for (name, document) in &self.inline_policies {
            if present.get(name) != Some(document) {
                let request = aws.iam.put_role_policy().role_name(role).policy_name(name);
                let request = request.policy_document(document.to_string());
                request.send().await.answer_or_wait("PutRolePolicy", &BUSY)?;
            }
        }
        for name in present.keys().filter(|name| !self.inline_policies.contains_key(*name)) {
            remove(aws, role, name).await?;
        }
        Ok(())
    }
}

async fn detach(aws: &Aws, role: &str, arn: &str) -> Result<(), Error> {
    let request = aws.iam.detach_role_policy().role_name(role).policy_arn(arn);
    request.send().await.answer_unless("DetachRolePolicy", &[NOT_FOUND]).map(|_| ())
}

async fn remove(aws: &Aws, role: &str, policy: &str) -> Result<(), Error> {
    let request = aws.iam.delete_role_policy().role_name(role).policy_name(policy);
    request.send().await.answer_unless("DeleteRolePolicy", &[NOT_FOUND]).map(|_| ())
}

/// The role as it is, if it exists and is ours. Lists of roles lack tags and descriptions.
async fn observe(aws: &Aws, role: &str) -> Result<Option<Observed<IamRole>>, Error> {
    let answer = aws.iam.get_role().role_name(role).send().await.answer_unless("GetRole", &[NOT_FOUND])?;
    let Some(found) = answer.and_then(|answer| answer.role) else { return Ok(None) };
    let Some((name, tags)) = aws.owner.recognise(found.tags()) else { return Ok(None) };
    let (managed_policies, inline_policies) = try_join(attached(aws, role), inline(aws, role)).await?;
    let trust = found.assume_role_policy_document.given("the trust policy of a role")?;
    let attributes = IamRole {
        description: found.description.unwrap_or_default(),
        trust: document(&trust)?,
        managed_policies,
        inline_policies,
        max_session_seconds: found.max_session_duration.unwrap_or(3600),
        tags,
    };
    let outputs = Outputs { arn: found.arn.clone() };
    Ok(Some(Observed { name, id: found.arn, attributes, outputs, status: Status::Ready, uses: Vec::new() }))
}

async fn attached(aws: &Aws, role: &str) -> Result<BTreeSet<String>, Error> {
    let pages = aws.iam.list_attached_role_policies().role_name(role).into_paginator().items().send();
    let attached: Vec<_> = pages
        .collect::<Result<_, _>>()
        .await
        .answer_unless("ListAttachedRolePolicies", &[NOT_FOUND])?
        .unwrap_or_default();
    Ok(attached
        .into_iter()
        .filter_map(|policy: aws_sdk_iam::types::AttachedPolicy| policy.policy_arn)
        .collect())
}

async fn inline(aws: &Aws, role: &str) -> Result<BTreeMap<String, Value>, Error> {
    let pages = aws.iam.list_role_policies().role_name(role).into_paginator().items().send();
    let names: Vec<String> = pages
        .collect::<Result<_, _>>()
        .await
        .answer_unless("ListRolePolicies", &[NOT_FOUND])?
        .unwrap_or_default();
    let documents = names.into_iter().map(async |name| {
        let request = aws.iam.get_role_policy().role_name(role).policy_name(&name).send().await;
        let answer = request.answer_unless("GetRolePolicy", &[NOT_FOUND])?;
        answer.map(|answer| Ok((name, document(&answer.policy_document)?))).transpose()
    });
    Ok(try_join_all(documents).await?.into_iter().flatten().collect())
}

/// A policy document as IAM gives it: JSON, URL-encoded (RFC 3986).
fn document(encoded: &str) -> Result<Value, Error> {
    let text = percent_decode_str(encoded).decode_utf8_lossy();
    serde_json::from_str(&text)
        .map_err(|error| Error::new(Class::Failed, "a policy document of IAM is no JSON").with_source(error))
}

fn sdk_tags(tags: Tags) -> Result<Vec<Tag>, Error> {
    tags.into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect::<Result<_, _>>()
        .map_err(|error| Error::bug("a tag of a role").with_source(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_compared_as_values() {
        let encoded = "%7B%22Version%22%3A%20%222012-10-17%22%2C%0A%22Statement%22%3A%5B%5D%7D";
        assert_eq!(document(encoded).unwrap(), json!({"Statement": [], "Version": "2012-10-17"}));
        assert!(document("%7B").is_err());
    }
}
