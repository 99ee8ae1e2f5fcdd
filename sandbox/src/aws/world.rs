//! All that exists in the simulated account and region.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::tokens::Tokens;
use super::{cloudwatchlogs, iam, kms, route53, s3, secretsmanager, ssm};

/// Tags of a resource, by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// Everything in the account: one field a service.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct World {
    /// The account's twelve digits.
    pub account: String,
    /// The region, such as `eu-west-1`.
    pub region: String,
    /// The virtual time of the operation in progress.
    pub now: Timestamp,
    /// How many ids were given out.
    ids: u64,
    /// Answers by client token.
    pub tokens: Tokens,
    pub cloudwatchlogs: cloudwatchlogs::State,
    pub iam: iam::State,
    pub kms: kms::State,
    pub route53: route53::State,
    pub s3: s3::State,
    pub secretsmanager: secretsmanager::State,
    pub ssm: ssm::State,
}

impl World {
    /// A fresh account, at the moment `now`.
    pub fn new(account: &str, region: &str, now: Timestamp) -> Self {
        Self {
            account: account.to_owned(),
            region: region.to_owned(),
            now,
            ids: 0,
            tokens: Tokens::default(),
            cloudwatchlogs: Default::default(),
            iam: Default::default(),
            kms: Default::default(),
            route53: Default::default(),
            s3: Default::default(),
            secretsmanager: Default::default(),
            ssm: Default::default(),
        }
    }

    /// A new unique number of `length` hexadecimal digits, the same in every world with the same history.
    pub fn hex(&mut self, length: usize) -> String {
        self.ids += 1;
        let seed = format!("{}/{}/{}", self.account, self.region, self.ids);
        let digest = Sha256::digest(seed.as_bytes());
        digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
            .chars()
            .cycle()
            .take(length)
            .collect()
    }

    /// A new id as EC2 writes it: `vpc` gives `vpc-0123456789abcdef0`.
    pub fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}-0{}", self.hex(16))
    }

    /// A new unique id as IAM writes it: `AROA` gives `AROA` and 17 capitals and digits.
    pub fn unique_id(&mut self, prefix: &str) -> String {
        format!("{prefix}{}", self.hex(17).to_uppercase())
    }

    /// A new UUID.
    pub fn uuid(&mut self) -> String {
        let hex = self.hex(32);
        format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }

    /// The ARN of a resource in this account and region.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }

    /// The ARN of a resource of a service without regions.
    pub fn global_arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}::{}:{resource}", self.account)
    }
}
