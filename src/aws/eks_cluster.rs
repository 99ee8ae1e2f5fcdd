//! The environment's EKS cluster (<https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html>).
//!
//! Invariants: it has the environment's name. EKS takes one kind of change at a time, and one minor version at a time:
//! [`Resource::update`] requests the first of those that remain. Whoever makes the cluster gets no access by that, and
//! EKS installs no add-ons by itself: both are resources of their own.

use std::collections::BTreeSet;

use aws_sdk_eks::types::{
    AuthenticationMode, Cluster as Description, ClusterStatus, CreateAccessConfigRequest, EncryptionConfig,
    LogSetup, LogType, Logging, Provider, SupportType, UpdateAccessConfigRequest, UpgradePolicyRequest,
    VpcConfigRequest, VpcConfigResponse,
};
use holodeck_engine::{Durations, Error, FieldChange, Input, Observed, Order, Output, Resource, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::answer::{Answer, Given};
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::eks_api::{self, EksAnswer, NOT_FOUND};
use crate::aws::owner::{self, Tags};

/// A cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EksCluster {
    /// Kubernetes version, such as `1.35`.
    pub version: String,
    /// ARN of the role that the control plane acts with.
    pub role: Input<String>,
    /// The VPC that its subnets belong to.
    pub vpc: Input<String>,
    /// Subnets in which the control plane has its network interfaces, in two zones at least.
    pub subnets: BTreeSet<Input<String>>,
    /// From where its API can be reached.
    pub endpoint: Endpoint,
    /// Where access is granted: `API` means by access entries only.
    pub authentication_mode: String,
    /// ARN of the KMS key that encrypts its secrets; `None` leaves that as it is.
    pub encryption_key: Option<Input<String>>,
    /// Control-plane logs that are kept, by their names in the API.
    pub logs: BTreeSet<String>,
    /// What happens when the version's standard support ends: `STANDARD` upgrades, `EXTENDED` keeps it.
    pub support: String,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// From where the API of a cluster can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// IPv4 networks that may reach it from the internet; none where it is not public.
    pub public: BTreeSet<String>,
    /// Whether it is reachable from inside the VPC.
    pub private: bool,
}

/// What a cluster puts out; what comes with its control plane is known once that stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    name: String,
    arn: String,
    version: Option<String>,
    endpoint: Option<String>,
    certificate_authority: Option<String>,
    oidc_issuer: Option<String>,
    security_group_id: Option<String>,
}

impl EksCluster {
    /// The cluster's name.
    pub const NAME: Output<Self, String> = Output::new("name");
    /// The cluster's ARN.
    pub const ARN: Output<Self, String> = Output::new("arn");
    /// The control plane's Kubernetes version.
    pub const RUNNING_VERSION: Output<Self, String> = Output::new("version");
    /// URL of its API.
    pub const ENDPOINT: Output<Self, String> = Output::new("endpoint");
    /// The certificate that signs that of the API: PEM, in base64.
    pub const CERTIFICATE_AUTHORITY: Output<Self, String> = Output::new("certificate_authority");
    /// URL of the issuer of its service accounts' tokens.
    pub const OIDC_ISSUER: Output<Self, String> = Output::new("oidc_issuer");
    /// The security group that EKS gives the control plane and managed nodes.
    pub const SECURITY_GROUP_ID: Output<Self, String> = Output::new("security_group_id");
}

impl Resource for EksCluster {
    const KIND: &'static str = "aws.eks_cluster";
    type Outputs = Outputs;
    type Client = Aws;
    const VOLATILE: &'static [&'static str] = &["version"];

    fn durations(&self) -> Durations {
        Durations::seconds(600, 600, 540, 3600)
    }

    fn judge(&self, actual: &Self, changes: &[FieldChange]) -> Verdict {
        if let Some(why) = self.refusal(actual, changes) {
            return Verdict::Refuse(why);
        }
        Verdict::replace_if_changed(changes, &["role", "vpc"], Order::DeleteFirst)
    }

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    fn foresee(&self, aws: &Aws, _name: &str) -> Value {
        // Not the name: what lives in a cluster that is made anew is made anew, too.
        json!({ "arn": eks_api::cluster_arn(aws) })
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let request = aws.eks.describe_cluster().name(eks_api::cluster_name(aws)).send().await;
        let found = request.answer_unless("DescribeCluster", &[NOT_FOUND])?.and_then(|answer| answer.cluster);
        Ok(found.map(|found| observe(aws, found)).transpose()?.flatten().into_iter().collect())
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let access = CreateAccessConfigRequest::builder()
            .authentication_mode(AuthenticationMode::from(&*self.authentication_mode))
            .bootstrap_cluster_creator_admin_permissions(false)
            .build();
        let network = self.endpoint_request().set_subnet_ids(Some(self.subnet_ids()?)).build();
        let request = aws
            .eks
            .create_cluster()
            .name(eks_api::cluster_name(aws))
            .version(&self.version)
            .role_arn(self.role.get()?)
            .resources_vpc_config(network)
            .access_config(access)
            .set_encryption_config(self.encryption()?.map(|encryption| vec![encryption]))
            .logging(self.logging(&BTreeSet::new()))
            .upgrade_policy(self.upgrade_policy())
            .bootstrap_self_managed_addons(false)
            .set_tags(eks_api::tags(aws, name, &self.tags));
        let answer = request.send().await.answer_when_ready("CreateCluster")?;
        answer.cluster.map(|found| observe(aws, found)).transpose().map(Option::flatten)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        let changed = |field| touches(changes, field);
        if changed("tags") {
            eks_api::set_tags(aws, &seen.id, &self.tags).await?;
        }
        let name = eks_api::cluster_name(aws);
        if changed("version") {
            let request = aws.eks.update_cluster_version().name(name).version(&self.version);
            request.send().await.answer_when_ready("UpdateClusterVersion")?;
            return Ok(None);
        }
        if changed("encryption_key") {
            let request = aws.eks.associate_encryption_config().cluster_name(name);
            let request = request.set_encryption_config(self.encryption()?.map(|one| vec![one]));
            request.send().await.answer_when_ready("AssociateEncryptionConfig")?;
            return Ok(None);
        }
        let request = aws.eks.update_cluster_config().name(name);
        let request = if changed("endpoint") {
            request.resources_vpc_config(self.endpoint_request().build())
        } else if changed("subnets") {
            let network = VpcConfigRequest::builder().set_subnet_ids(Some(self.subnet_ids()?));
            request.resources_vpc_config(network.build())
        } else if changed("logs") {
            request.logging(self.logging(&seen.attributes.logs))
        } else if changed("support") {
            request.upgrade_policy(self.upgrade_policy())
        } else if changed("authentication_mode") {
            let mode = AuthenticationMode::from(&*self.authentication_mode);
            request.access_config(UpdateAccessConfigRequest::builder().authentication_mode(mode).build())
        } else {
            return Ok(None);
        };
        request.send().await.answer_when_ready("UpdateClusterConfig")?;
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let request = aws.eks.delete_cluster().name(&seen.outputs.name).send().await;
        eks_api::answer_removal(request, "DeleteCluster")
    }
}

impl EksCluster {
    /// Why the change is impossible, if it is.
    fn refusal(&self, actual: &Self, changes: &[FieldChange]) -> Option<String> {
        let changed = |field| touches(changes, field);
        if changed("version") {
            let why = version_refusal(&actual.version, &self.version);
            if why.is_some() {
                return why;
            }
        }
        let key = actual.encryption_key.as_ref().filter(|_| changed("encryption_key"))?;
        Some(format!(
            "the key `{key}` that encrypts the secrets of a cluster cannot be exchanged: keep the key, or destroy the \
             environment and make it anew"
        ))
    }

    fn subnet_ids(&self) -> Result<Vec<String>, Error> {
        self.subnets.iter().map(|subnet| subnet.get().cloned()).collect()
    }

    fn endpoint_request(&self) -> aws_sdk_eks::types::builders::VpcConfigRequestBuilder {
        let Endpoint { public, private } = &self.endpoint;
        let networks = (!public.is_empty()).then(|| public.iter().cloned().collect());
        VpcConfigRequest::builder()
            .endpoint_public_access(!public.is_empty())
            .endpoint_private_access(*private)
            .set_public_access_cidrs(networks)
    }

    fn encryption(&self) -> Result<Option<EncryptionConfig>, Error> {
        let Some(key) = &self.encryption_key else { return Ok(None) };
        let provider = Provider::builder().key_arn(key.get()?).build();
        Ok(Some(EncryptionConfig::builder().provider(provider).build()))
    }

    /// The wanted logs on; those that are on without being wanted, off.
    fn logging(&self, present: &BTreeSet<String>) -> Logging {
        let setup = |names: Vec<&String>, enabled| {
            let types = names.into_iter().map(|name| LogType::from(name.as_str())).collect();
            LogSetup::builder().set_types(Some(types)).enabled(enabled).build()
        };
        let sets =
            [(self.logs.iter().collect::<Vec<_>>(), true), (present.difference(&self.logs).collect(), false)];
        let sets = sets.into_iter().filter(|(names, _)| !names.is_empty());
        Logging::builder()
            .set_cluster_logging(Some(sets.map(|(names, enabled)| setup(names, enabled)).collect()))
            .build()
    }

    fn upgrade_policy(&self) -> UpgradePolicyRequest {
        UpgradePolicyRequest::builder().support_type(SupportType::from(&*self.support)).build()
    }
}

/// Why a cluster cannot go from one version to another, if it cannot
/// (<https://docs.aws.amazon.com/eks/latest/userguide/update-cluster.html>).
fn version_refusal(from: &str, to: &str) -> Option<String> {
    let (Some((major, minor)), Some(wanted)) =
        (eks_api::kubernetes_version(from), eks_api::kubernetes_version(to))
    else {
        return Some(format!("`{from}` and `{to}` are not both versions of Kubernetes"));
    };
    let next = (major, minor + 1);
    if wanted == next {
        None
    } else if wanted < next {
        Some(format!(
            "Kubernetes {from} cannot go back to {to}: set `provider.cluster.version` to {from} or later"
        ))
    } else {
        Some(format!(
            "Kubernetes {from} cannot go to {to} at once, EKS upgrades one minor version at a time: set \
             `provider.cluster.version` to {}.{}, run `up`, and go on from there",
            next.0, next.1
        ))
    }
}

fn observe(aws: &Aws, found: Description) -> Result<Option<Observed<EksCluster>>, Error> {
    let Some((name, tags)) = eks_api::recognise(aws, found.tags()) else { return Ok(None) };
    let id = found.arn.given("the ARN of a cluster")?;
    let network = found.resources_vpc_config.given("the network of a cluster")?;
    let logging = found.logging.and_then(|logging| logging.cluster_logging).unwrap_or_default();
    let logs = logging.into_iter().filter(|setup| setup.enabled == Some(true));
    let encryption = found.encryption_config.unwrap_or_default().into_iter().next();
    let state = found.status.unwrap_or(ClusterStatus::Creating);
    let attributes = EksCluster {
        version: found.version.clone().given("the version of a cluster")?,
        role: found.role_arn.given("the role of a cluster")?.into(),
        vpc: network.vpc_id.clone().unwrap_or_default().into(),
        subnets: network.subnet_ids().iter().cloned().map(Input::Known).collect(),
        endpoint: endpoint(&network),
        authentication_mode: found
            .access_config
            .and_then(|access| access.authentication_mode)
            .map_or_else(|| "CONFIG_MAP".to_owned(), |mode| mode.to_string()),
        encryption_key: encryption.and_then(|one| one.provider?.key_arn).map(Input::Known),
        logs: logs.flat_map(|setup| setup.types.unwrap_or_default()).map(|log| log.to_string()).collect(),
        support: found
            .upgrade_policy
            .and_then(|policy| policy.support_type)
            .map_or_else(|| SupportType::Extended.to_string(), |support| support.to_string()),
        tags,
    };
    let outputs = Outputs {
        name: found.name.given("the name of a cluster")?,
        arn: id.clone(),
        version: found.version,
        endpoint: found.endpoint,
        certificate_authority: found.certificate_authority.and_then(|authority| authority.data),
        oidc_issuer: found.identity.and_then(|identity| identity.oidc?.issuer),
        security_group_id: network.cluster_security_group_id,
    };
    let status = eks_api::status("the cluster's control plane", state.as_str(), &[]);
    Ok(Some(Observed { name, id, attributes, outputs, status, uses: Vec::new() }))
}

fn endpoint(network: &VpcConfigResponse) -> Endpoint {
    let public = match network.endpoint_public_access {
        true => network.public_access_cidrs().iter().cloned().collect(),
        false => BTreeSet::new(),
    };
    Endpoint { public, private: network.endpoint_private_access }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_go_up_by_one() {
        assert_eq!(version_refusal("1.34", "1.35"), None);
        let two = version_refusal("1.33", "1.35").unwrap();
        assert!(two.contains("set `provider.cluster.version` to 1.34"), "{two}");
        let back = version_refusal("1.35", "1.34").unwrap();
        assert!(back.contains("cannot go back"), "{back}");
        assert!(version_refusal("1.35", "latest").is_some());
    }
}
