//! What an environment on AWS consists of: one file a layer, each adding its resources to the graph and handing over
//! what the next layers refer to.

pub mod backups;
pub mod cluster;
pub mod databases;
pub mod dns;
pub mod identity;
pub mod ingress;
pub mod keys;
pub mod network;
pub mod node_groups;

use holodeck_engine::Host;

use crate::aws::client::Aws;
use crate::aws::facts::Facts;
use crate::aws::owner::Tags;
use crate::aws::settings::AwsSettings;
use crate::environment::Environment;

/// What every layer is made from.
pub struct Model<'a> {
    /// The whole environment.
    pub environment: &'a Environment,
    /// Its AWS part.
    pub settings: &'a AwsSettings,
    /// What was read from AWS once.
    pub facts: &'a Facts,
    /// The account and region that resources live in.
    pub host: Host<Aws>,
}

impl Model<'_> {
    /// Tags of every resource beyond those that mark ownership.
    pub fn tags(&self) -> Tags {
        self.settings.tags.clone()
    }

    /// The physical name of the resource `name`.
    pub fn prefixed(&self, name: &str) -> String {
        format!("{}-{name}", self.environment.name)
    }
}
