//! The list of providers. Adding one is a folder of its own, and a variant and a line here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aws::settings::AwsSettings;
use crate::kubeconfig::settings::KubeconfigSettings;
use crate::provider::ProviderSettings;

/// The provider that the environment runs on, chosen by `kind`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Provider {
    /// Amazon Web Services: a VPC with an EKS cluster.
    Aws(AwsSettings),
    /// A cluster that exists already, such as one on premises.
    Kubeconfig(KubeconfigSettings),
}

impl Provider {
    /// What the environment file says about it.
    pub(crate) fn settings(&self) -> &dyn ProviderSettings {
        match self {
            Self::Aws(settings) => settings,
            Self::Kubeconfig(settings) => settings,
        }
    }
}
