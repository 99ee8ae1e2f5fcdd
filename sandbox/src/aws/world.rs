//! All that exists in the simulated account and region.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::tokens::Tokens;
use super::{
    autoscaling, cloudwatchlogs, ec2, eks, elasticloadbalancingv2, iam, kms, rds, route53, s3,
    secretsmanager, ssm,
};

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
    pub autoscaling: autoscaling::State,
    pub cloudwatchlogs: cloudwatchlogs::State,
    pub ec2: ec2::State,
    pub eks: eks::State,
    pub elasticloadbalancingv2: elasticloadbalancingv2::State,
    pub iam: iam::State,
    pub kms: kms::State,
    pub rds: rds::State,
    pub route53: route53::State,
    pub s3: s3::State,
    pub secretsmanager: secretsmanager::State,
    pub ssm: ssm::State,
}

impl World {
    /// A fresh account, at the moment `now`.
    pub fn new(account: &str, region: &str, now: Timestamp) -> Self {
        let mut world = Self {
            account: account.to_owned(),
            region: region.to_owned(),
            now,
            ids: 0,
            tokens: Tokens::default(),
            autoscaling: Default::default(),
            cloudwatchlogs: Default::default(),
            ec2: Default::default(),
            eks: Default::default(),
            elasticloadbalancingv2: Default::default(),
            iam: iam::State::new(account, now),
            kms: Default::default(),
            rds: Default::default(),
            route53: Default::default(),
            s3: Default::default(),
            secretsmanager: Default::default(),
            ssm: Default::default(),
        };
        ec2::furnish(&mut world);
        world
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

#[cfg(test)]
mod tests {
    use aws_sdk_route53::types::{
        Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType,
    };
    use aws_sdk_s3::primitives::ByteStream;
    use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
    use aws_sdk_ssm::types::ParameterType;

    use super::World;
    use crate::aws::testing::account;

    const TRUST: &str = r#"{"Statement":{"Effect":"Allow","Principal":{"Service":"eks.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;

    #[tokio::test(start_paused = true)]
    async fn a_world_reads_back_as_it_was_written() {
        let aws = account();
        aws.iam().create_role().role_name("r").assume_role_policy_document(TRUST).send().await.unwrap();
        let key = aws.kms().create_key().send().await.unwrap().key_metadata.unwrap().key_id;
        aws.kms().create_alias().alias_name("alias/a").target_key_id(&key).send().await.unwrap();
        aws.kms().enable_key_rotation().key_id(&key).send().await.unwrap();
        aws.cloudwatchlogs().create_log_group().log_group_name("g").tags("k", "v").send().await.unwrap();
        aws.secretsmanager().create_secret().name("s").secret_string("x").send().await.unwrap();
        let put = aws.ssm().put_parameter().name("/p").r#type(ParameterType::String).value("v");
        put.send().await.unwrap();
        let location =
            CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuWest1);
        let s3 = aws.s3();
        s3.create_bucket().bucket("kept").create_bucket_configuration(location.build()).send().await.unwrap();
        let body = ByteStream::from_static(b"\x00\xff");
        s3.put_object().bucket("kept").key("k").body(body).send().await.unwrap();
        let record = ResourceRecord::builder().value("192.0.2.1").build().unwrap();
        let set = ResourceRecordSet::builder().name("*.holodeck.example").r#type(RrType::A).ttl(60);
        let set = set.resource_records(record).build().unwrap();
        let change = Change::builder().action(ChangeAction::Create).resource_record_set(set).build().unwrap();
        let batch = ChangeBatch::builder().changes(change).build().unwrap();
        let route53 = aws.route53();
        let zone = route53.list_hosted_zones().send().await.unwrap().hosted_zones()[0].id().to_owned();
        route53.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch).send().await.unwrap();

        let written = aws.with(|world| serde_json::to_string_pretty(world).unwrap());
        let read: World = serde_json::from_str(&written).unwrap();
        assert_eq!(serde_json::to_string_pretty(&read).unwrap(), written);
        for kept in ["alias/a", "192.0.2.1", "\"kept\"", "arn:aws:secretsmanager"] {
            assert!(written.contains(kept), "{kept}");
        }
    }
}
