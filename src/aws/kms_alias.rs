//! Names of KMS keys (<https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html>).
//!
//! Aliases have no tags: one is ours by its name, `alias/holodeck/ENVIRONMENT/NAME`. One that points elsewhere, such as to a
//! key that waits for its deletion, is pointed to the right key.

use aws_sdk_kms::types::AliasListEntry;
use holodeck_engine::{Error, FieldChange, Input, Observed, Output, Resource, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::answer::Answer;
use crate::aws::client::Aws;

/// An alias.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KmsAlias {
    /// ARN of the key that it names.
    pub key_arn: Input<String>,
}

/// What an alias puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    name: String,
    arn: String,
}

impl KmsAlias {
    /// Its full name, beginning with `alias/`.
    pub const NAME: Output<Self, String> = Output::new("name");
    /// Its ARN.
    pub const ARN: Output<Self, String> = Output::new("arn");
}

/// How the names of our aliases begin.
pub(super) fn prefix(aws: &Aws) -> String {
    format!("alias/holodeck/{}/", aws.owner.environment)
}

/// All aliases in the account and region.
pub(super) async fn all(aws: &Aws) -> Result<Vec<AliasListEntry>, Error> {
    let pages = aws.kms.list_aliases().into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.answer("ListAliases")
}

impl Resource for KmsAlias {
    const KIND: &'static str = "aws.kms_alias";
    type Outputs = Outputs;
    type Client = Aws;

    fn foresee(&self, aws: &Aws, name: &str) -> Value {
        let name = format!("{}{name}", prefix(aws));
        json!({ "arn": aws.arn("kms", true, &name), "name": name })
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let prefix = prefix(aws);
        let observe = |alias: AliasListEntry| {
            let name = alias.alias_name?;
            let own = name.strip_prefix(&prefix)?.to_owned();
            let key = alias.target_key_id.map(|id| aws.arn("kms", true, &format!("key/{id}")));
            let arn = alias.alias_arn.unwrap_or_else(|| aws.arn("kms", true, &name));
            Some(Observed {
                name: own,
                id: arn.clone(),
                attributes: Self { key_arn: key.unwrap_or_default().into() },
                outputs: Outputs { name, arn },
                status: Status::Ready,
                uses: Vec::new(),
            })
        };
        Ok(all(aws).await?.into_iter().filter_map(observe).collect())
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let name = format!("{}{name}", prefix(aws));
        let request = aws.kms.create_alias().alias_name(name).target_key_id(self.key_arn.get()?);
        request.send().await.answer("CreateAlias")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        _changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        let request = aws.kms.update_alias().alias_name(&seen.outputs.name);
        request.target_key_id(self.key_arn.get()?).send().await.answer("UpdateAlias")?;
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let request = aws.kms.delete_alias().alias_name(&seen.outputs.name);
        request.send().await.removed("DeleteAlias", &["NotFoundException"], &[])
    }
}
