//! Secrets of Secrets Manager, as containers
//! (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html>).
//!
//! The container is made without a value, and no value is ever read or written here: whoever has something to keep in it
//! writes it. A removed secret can be recovered for some days and holds its name all that time, so it counts as absent and
//! making it again recovers it.

use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, SecretListEntry, Tag};
use holodeck_engine::{Error, FieldChange, Input, Observed, Output, Resource, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::answer::{Answer, Given};
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::kept_in_tags::{self, RECOVERY_DAYS};
use crate::aws::owner::{self, Tags};

/// A secret without its value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Secret {
    /// What it holds.
    pub description: String,
    /// ARN of the key that its value is encrypted with.
    pub key_arn: Input<String>,
    /// Days for which it can be recovered after its removal, from 7 to 30.
    pub recovery_days: u32,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// What a secret puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    name: Option<String>,
    arn: Option<String>,
}

impl Secret {
    /// Its full name.
    pub const NAME: Output<Self, String> = Output::new("name");
    /// Its ARN, which ends in characters of AWS's choice.
    pub const ARN: Output<Self, String> = Output::new("arn");

    /// The full name of the secret `name` of an environment.
    pub fn full_name(environment: &str, name: &str) -> String {
        format!("holodeck/{environment}/{name}")
    }

    fn all_tags(&self, aws: &Aws, name: &str) -> Vec<Tag> {
        let own = kept_in_tags::put(&self.tags, RECOVERY_DAYS, self.recovery_days);
        let tag = |(key, value)| Tag::builder().key(key).value(value).build();
        aws.owner.tags(name, &own).into_iter().map(tag).collect()
    }
}

fn prefix(aws: &Aws) -> String {
    Secret::full_name(&aws.owner.environment, "")
}

impl Resource for Secret {
    const KIND: &'static str = "aws.secret";
    type Outputs = Outputs;
    type Client = Aws;

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    fn foresee(&self, aws: &Aws, name: &str) -> Value {
        json!({ "name": Self::full_name(&aws.owner.environment, name) })
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let filter = Filter::builder().key(FilterNameStringType::Name).values(prefix(aws)).build();
        let pages = aws.secrets.list_secrets().filters(filter).into_paginator().send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await.answer("ListSecrets")?;
        let found = pages.into_iter().filter_map(|page| page.secret_list).flatten();
        found.filter_map(|found| observe(aws, found).transpose()).collect()
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let full = Self::full_name(&aws.owner.environment, name);
        let request = aws
            .secrets
            .create_secret()
            .name(&full)
            .description(&self.description)
            .kms_key_id(self.key_arn.get()?)
            .set_tags(Some(self.all_tags(aws, name)));
        // A removed secret of this name that can still be recovered.
        let recoverable = ["InvalidRequestException"];
        if request.send().await.answer_unless("CreateSecret", &recoverable)?.is_none() {
            aws.secrets.restore_secret().secret_id(full).send().await.answer("RestoreSecret")?;
        }
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        if touches(changes, "description") || touches(changes, "key_arn") {
            let request = aws.secrets.update_secret().secret_id(&seen.id).description(&self.description);
            request.kms_key_id(self.key_arn.get()?).send().await.answer("UpdateSecret")?;
        }
        if touches(changes, "tags") || touches(changes, "recovery_days") {
            let request = aws.secrets.tag_resource().secret_id(&seen.id);
            let request = request.set_tags(Some(self.all_tags(aws, &seen.name)));
            request.send().await.answer("TagResource")?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let days = i64::from(seen.attributes.recovery_days);
        let request = aws.secrets.delete_secret().secret_id(&seen.id).recovery_window_in_days(days);
        let gone = ["ResourceNotFoundException", "InvalidRequestException"];
        request.send().await.removed("DeleteSecret", &gone, &[])
    }
}

fn observe(aws: &Aws, found: SecretListEntry) -> Result<Option<Observed<Secret>>, Error> {
    let Some((name, mut tags)) = aws.owner.recognise(found.tags()) else { return Ok(None) };
    if found.deleted_date.is_some() {
        return Ok(None);
    }
    let arn = found.arn.given("the ARN of a secret")?;
    let attributes = Secret {
        description: found.description.unwrap_or_default(),
        key_arn: found.kms_key_id.unwrap_or_default().into(),
        recovery_days: kept_in_tags::take(&mut tags, RECOVERY_DAYS, 30),
        tags,
    };
    let outputs = Outputs { name: found.name, arn: Some(arn.clone()) };
    Ok(Some(Observed { name, id: arn, attributes, outputs, status: Status::Ready, uses: Vec::new() }))
}
