//! An environment on AWS: the connection to its account, its layers in their order, and the foundation that they give to
//! what runs on the cluster.
//!
//! Invariant: a sandbox swaps what lies behind the clients, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls;
use futures::FutureExt;
use holodeck_engine::{Class, Error, Graph, Host, Input, Snapshot};
use holodeck_sandbox::Sandbox;
use serde_json::json;

use crate::aws::bucket::Bucket;
use crate::aws::client::Aws;
use crate::aws::eks_access::{ClusterAccess, Tokens, exec_user};
use crate::aws::eks_cluster::EksCluster;
use crate::aws::facts::Facts;
use crate::aws::kms_key::KmsKey;
use crate::aws::model::{
    Model, backups, cluster, databases, dns, identity, ingress, keys, network, node_groups,
};
use crate::aws::owner::Owner;
use crate::aws::safe_place::SecretVersions;
use crate::aws::secret::Secret;
use crate::aws::secret_source::AwsSecrets;
use crate::aws::settings::AwsSettings;
use crate::environment::Environment;
use crate::kubernetes::{ComponentObjects, Kubernetes};
use crate::provider::{
    BackupStore, ClusterNetwork, Dns, Foundation, Identity, IngressService, LoadBalancer, Provider,
    RecoveryKeys, Seal, VaultFoundation,
};
use crate::secret::SecretSource;
use crate::simulation::StandIns;
use crate::yaml;

/// The storage class of volumes.
const STORAGE_CLASS: &str = "gp3";

/// The connection to the account of one environment.
pub struct AwsProvider {
    settings: AwsSettings,
    aws: Arc<Aws>,
    facts: Facts,
    clusters: Clusters,
}

/// How clusters are reached.
#[derive(Clone)]
enum Clusters {
    Real(Tokens),
    Simulated(Sandbox),
}

impl AwsProvider {
    /// Connects to the account that `settings` name, in the sandbox where there is one, and reads what plans need to
    /// know of it. Refuses any other account.
    pub async fn connect(
        settings: &AwsSettings,
        environment: &Environment,
        sandbox: Option<&Sandbox>,
    ) -> Result<Self, Error> {
        let (config, interceptor) = match sandbox {
            Some(sandbox) => (sandbox.aws().sdk_config(), Some(sandbox.aws().interceptor())),
            None => (sdk_config(&settings.region).await, None),
        };
        let clusters = match sandbox {
            Some(sandbox) => Clusters::Simulated(sandbox.clone()),
            None => {
                Clusters::Real(Tokens { credentials: credentials(&config)?, region: settings.region.clone() })
            }
        };
        let owner = Owner { environment: environment.name.clone() };
        let (region, account) = (settings.region.clone(), settings.account.clone());
        let aws = Aws::new(&config, interceptor.as_ref(), owner, region, account);
        let zones = usize::from(settings.network.zones);
        let facts = Facts::read(&aws, zones, environment.dns.parent_zone.as_deref()).await?;
        Ok(Self { settings: settings.clone(), aws: Arc::new(aws), facts, clusters })
    }

    fn account(&self, graph: &mut Graph) -> Host<Aws> {
        let aws = self.aws.clone();
        graph.host(&(), move |()| {
            let aws = aws.clone();
            async move { Ok(aws) }.boxed()
        })
    }

    fn kubernetes(&self, graph: &mut Graph, access: &ClusterAccess) -> Host<Kubernetes> {
        let (clusters, secrets) = (self.clusters.clone(), self.secrets());
        let environment = self.aws.owner.environment.clone();
        graph.host(access, move |access: ClusterAccess| {
            let (clusters, secrets, environment) = (clusters.clone(), secrets.clone(), environment.clone());
            async move { Ok(Arc::new(clusters.connect(&access, environment, secrets).await?)) }.boxed()
        })
    }
}

impl Clusters {
    async fn connect(
        &self,
        access: &ClusterAccess,
        environment: String,
        secrets: Arc<dyn SecretSource>,
    ) -> Result<Kubernetes, Error> {
        match self {
            Self::Real(tokens) => {
                let client = access.connect(tokens.clone()).await?;
                Ok(Kubernetes::new(client, environment, secrets))
            }
            Self::Simulated(sandbox) => {
                let endpoint = access.endpoint.get()?;
                let kubernetes = Kubernetes::new(sandbox.kubernetes(endpoint), environment, secrets);
                Ok(kubernetes.with_tunnel(Arc::new(sandbox.pods(endpoint))))
            }
        }
    }
}

/// What clients of the real AWS are configured with.
async fn sdk_config(region: &str) -> SdkConfig {
    let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .http_client(aws_smithy_http_client::Builder::new().tls_provider(ring).build_https())
        .retry_config(RetryConfig::adaptive())
        .load()
        .await
}

fn credentials(config: &SdkConfig) -> Result<SharedCredentialsProvider, Error> {
    config.credentials_provider().ok_or_else(|| {
        Error::new(Class::Denied, "there are no credentials for AWS")
            .with_hint("sign in, for example with `aws sso login`, and set AWS_PROFILE")
    })
}

impl Provider for AwsProvider {
    fn describe(&self) -> Vec<(&'static str, String)> {
        vec![
            ("account", self.aws.account.clone()),
            ("region", self.aws.region.clone()),
            ("caller", self.facts.caller.clone()),
        ]
    }

    fn declare(&self, environment: &Environment, graph: &mut Graph) -> Result<Foundation, Error> {
        let host = self.account(graph);
        register(graph, host);
        let model = Model { environment, settings: &self.settings, facts: &self.facts, host };
        let layers = Layers::declare(&model, graph)?;
        let kubernetes = self.kubernetes(graph, &layers.cluster.access);
        Ok(layers.foundation(&model, kubernetes, self.aws.clone()))
    }

    fn kubeconfig(&self, environment: &Environment, snapshot: &Snapshot) -> Result<String, Error> {
        let mut graph = Graph::new();
        let host = self.account(&mut graph);
        register(&mut graph, host);
        let model = Model { environment, settings: &self.settings, facts: &self.facts, host };
        let layers = Layers::declare(&model, &mut graph)?;
        let known = |input: &Input<String>| match input {
            Input::Known(value) => Ok(value.clone()),
            Input::Output(reference) => snapshot
                .output(reference)
                .and_then(|value| value.as_str().map(str::to_owned))
                .ok_or_else(|| {
                    Error::new(Class::Refused, "the cluster does not exist yet").with_hint("run `up` first")
                }),
        };
        let access = &layers.cluster.access;
        let cluster = known(&access.cluster)?;
        let access = ClusterAccess {
            admins: BTreeSet::new(),
            certificate_authority: known(&access.certificate_authority)?.into(),
            endpoint: known(&access.endpoint)?.into(),
            cluster: cluster.clone().into(),
        };
        let kubeconfig = access.kubeconfig(&exec_user(&cluster, &self.settings.region))?;
        yaml::to_string(&kubeconfig)
            .map_err(|error| Error::bug("a kubeconfig does not serialise").with_source(error))
    }

    fn secrets(&self) -> Arc<dyn SecretSource> {
        match self.clusters {
            Clusters::Real(_) => Arc::new(AwsSecrets(self.aws.clone())),
            Clusters::Simulated(_) => Arc::new(StandIns),
        }
    }
}

/// Registers every kind, also those that an environment has nothing of: what it had is found and removed.
fn register(graph: &mut Graph, host: Host<Aws>) {
    for layer in [
        network::register,
        keys::register,
        identity::register,
        cluster::register,
        node_groups::register,
        ingress::register,
        dns::register,
        databases::register,
        backups::register,
    ] {
        layer(graph, host);
    }
}

/// All layers of an environment.
struct Layers {
    network: network::Network,
    keys: keys::Keys,
    cluster: cluster::Cluster,
    zone: dns::Zone,
    backups: backups::Backups,
}

impl Layers {
    fn declare(model: &Model<'_>, graph: &mut Graph) -> Result<Self, Error> {
        let network = network::declare(model, graph)?;
        let keys = keys::declare(model, graph);
        let roles = identity::declare(model, graph, &keys);
        let cluster = cluster::declare(model, graph, &network, &keys, &roles);
        let identities = identity::declare_addons(model, graph, &cluster.name(), &keys);
        let identities: Vec<_> = identities.iter().map(|identity| identity.address().clone()).collect();
        let needs = node_groups::NodesNeeds {
            network: &network,
            keys: &keys,
            roles: &roles,
            cluster: &cluster,
            identities: &identities,
        };
        let groups = node_groups::declare(model, graph, &needs);
        let security_group = cluster.control_plane.output(EksCluster::SECURITY_GROUP_ID);
        let load_balancing = ingress::declare(model, graph, &network, security_group.clone(), &groups);
        let zone = dns::declare(model, graph, &load_balancing);
        databases::declare(model, graph, &keys, &placement(&network, security_group));
        let backups = backups::declare(model, graph, &keys);
        let needs = identity::WorkloadNeeds { keys: &keys, zone_id: &zone.id, backups: &backups };
        identity::declare_workloads(model, graph, &cluster.name(), &needs);
        Ok(Self { network, keys, cluster, zone, backups })
    }

    fn foundation(&self, model: &Model<'_>, kubernetes: Host<Kubernetes>, aws: Arc<Aws>) -> Foundation {
        let Model { environment, settings, .. } = model;
        let key = self.keys.key.output(KmsKey::ARN);
        let seal = [("kms_key_id", key.to_string()), ("region", settings.region.clone())];
        let bucket = self.backups.bucket.output(Bucket::NAME);
        let recovery_keys = Secret::full_name(&environment.name, backups::RECOVERY_KEYS);
        Foundation {
            kubernetes,
            kubernetes_version: settings.cluster.version.clone(),
            cluster: Some(self.cluster.control_plane.address().clone()),
            objects: vec![storage(&key)],
            ingress: LoadBalancer::new(
                &environment.ingress,
                environment.ingress.proxy_protocol,
                IngressService::default(),
            ),
            dns: Dns {
                solver: json!({
                    "dns01": { "route53": { "region": settings.region, "hostedZoneID": self.zone.id } },
                }),
                credential: None,
                zones: vec![environment.domain.clone()],
                ports: Vec::new(),
            },
            vault: VaultFoundation {
                seal: Seal {
                    kind: "awskms".to_owned(),
                    parameters: seal.map(|(name, value)| (name.to_owned(), value)).into(),
                },
                seal_authority: None,
                seal_ports: vec![443],
                // Vault signs in by the identity of its pods.
                seal_credentials: BTreeMap::new(),
            },
            storage_class: STORAGE_CLASS.to_owned(),
            // Pod identity knows service accounts by name: they need no annotations.
            identity: Identity::without_annotations(),
            network: cluster_network(&self.network),
            backups: BackupStore { url: format!("s3://{bucket}/{}", identity::VAULT_BACKUPS) },
            recovery_keys: RecoveryKeys {
                location: format!("secret `{recovery_keys}` in Secrets Manager, region {}", settings.region),
                resource: Some(self.backups.recovery_keys.address().clone()),
                place: Arc::new(SecretVersions { aws, secret: recovery_keys }),
            },
            records: self.zone.delegation.records(),
        }
    }
}

fn placement(network: &network::Network, cluster_security_group: Input<String>) -> databases::Placement {
    databases::Placement {
        vpc: network.vpc.output(crate::aws::vpc::Vpc::ID),
        subnets: network.private.iter().map(network::SubnetInPlan::id).collect(),
        cluster_security_group,
    }
}

/// The API server answers from the control plane's interfaces, which stand in the private subnets.
fn cluster_network(network: &network::Network) -> ClusterNetwork {
    ClusterNetwork {
        api_server_cidrs: network.private.iter().map(|subnet| subnet.plan.cidr.to_string()).collect(),
    }
}

/// The default storage class: volumes encrypted by the environment's key, in the zone of the pod that asks first.
fn storage(key: &Input<String>) -> ComponentObjects {
    let parameters: BTreeMap<&str, String> = BTreeMap::from([
        ("type", "gp3".to_owned()),
        ("encrypted", "true".to_owned()),
        ("kmsKeyId", key.to_string()),
        ("csi.storage.k8s.io/fstype", "ext4".to_owned()),
    ]);
    let class = json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": { "storageclass.kubernetes.io/is-default-class": "true" },
        },
        "provisioner": "ebs.csi.aws.com",
        "parameters": parameters,
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": "Delete",
        "allowVolumeExpansion": true,
    });
    ComponentObjects { component: "storage".to_owned(), manifests: vec![class] }
}
