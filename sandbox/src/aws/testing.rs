//! What the tests of the simulated services share: a fresh account, its clients, and the codes of errors.

use std::fmt::Debug;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::{Options, SimulatedAws};
use crate::fault::Faults;
use crate::store::Store;

/// A simulated account with a client for each service.
pub(crate) struct Account(SimulatedAws);

impl Deref for Account {
    type Target = SimulatedAws;

    fn deref(&self) -> &SimulatedAws {
        &self.0
    }
}

/// A fresh account in Ireland, which leaves nothing on the disk.
pub(crate) fn account() -> Account {
    open("eu-west-1", &[], Store::nowhere())
}

/// The account that is kept in this folder, fresh where there is none, whose requests fail as the rules say.
pub(crate) fn kept_account(folder: &Path, rules: &[&str]) -> Account {
    open("eu-west-1", rules, Store::open(folder).expect("a folder that nobody uses"))
}

/// A fresh account in another region.
pub(crate) fn account_in(region: &str) -> Account {
    open(region, &[], Store::nowhere())
}

/// A fresh account whose requests fail as the rules say.
pub(crate) fn faulty_account(rules: &[&str]) -> Account {
    open("eu-west-1", rules, Store::nowhere())
}

fn open(region: &str, rules: &[&str], store: Store) -> Account {
    let options = Options {
        account: "123456789012".to_owned(),
        region: region.to_owned(),
        start: "2026-11-02T08:00:00Z".parse().expect("a moment"),
        speed: 1.0,
        faults: Faults::new(rules.iter().map(|rule| rule.parse().expect("a rule")).collect()),
        on_stop: Arc::new(|| ()),
    };
    Account(SimulatedAws::open(Arc::new(store), options).expect("a fresh world"))
}

/// The SDK crates share no type for their clients' configuration.
macro_rules! clients {
    ($($name:ident: $sdk:ident),* $(,)?) => {
        impl Account {
            $(pub(crate) fn $name(&self) -> $sdk::Client {
                let config = $sdk::config::Builder::from(&self.sdk_config()).interceptor(self.interceptor());
                $sdk::Client::from_conf(config.build())
            })*
        }
    };
}

clients! {
    autoscaling: aws_sdk_autoscaling,
    cloudwatchlogs: aws_sdk_cloudwatchlogs,
    ec2: aws_sdk_ec2,
    eks: aws_sdk_eks,
    elasticloadbalancingv2: aws_sdk_elasticloadbalancingv2,
    iam: aws_sdk_iam,
    kms: aws_sdk_kms,
    rds: aws_sdk_rds,
    route53: aws_sdk_route53,
    s3: aws_sdk_s3,
    secretsmanager: aws_sdk_secretsmanager,
    ssm: aws_sdk_ssm,
}

/// The code of the error; what came instead, where there was none.
pub(crate) fn code<T, E, R>(result: Result<T, SdkError<E, R>>) -> String
where
    T: Debug,
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: Debug,
{
    match result {
        Ok(output) => format!("no error but {output:?}"),
        Err(error) => match error.as_service_error().and_then(ProvideErrorMetadata::code) {
            Some(code) => code.to_owned(),
            None => format!("{error:?}"),
        },
    }
}
