//! A cluster as the API shows it.

use aws_sdk_eks::types;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::super::{World, date_time};
use super::cluster::Cluster;
use super::update::Update;
use super::{hash_map, version};

/// The log types there are, in the API's order.
const LOG_TYPES: [&str; 5] = ["api", "audit", "authenticator", "controllerManager", "scheduler"];

/// The cluster at the world's present.
#[expect(deprecated, reason = "callers still read the resources that are encrypted")]
pub(super) fn view(world: &World, cluster: &Cluster) -> types::Cluster {
    let settings = &cluster.settings;
    let encryption = settings.encryption.as_ref().map(|encryption| {
        let provider = types::Provider::builder().key_arn(&encryption.key_arn).build();
        vec![
            types::EncryptionConfig::builder()
                .set_resources(Some(encryption.resources.clone()))
                .provider(provider)
                .build(),
        ]
    });
    let made = cluster.endpoint.is_some();
    let issuer = format!("https://oidc.eks.{}.amazonaws.com/id/{}", world.region, cluster.id);
    let identity = types::Identity::builder().oidc(types::Oidc::builder().issuer(issuer).build()).build();
    let authority = types::Certificate::builder().data(certificate_authority(&cluster.id)).build();
    let platform = version::find(&settings.version).map(|version| version.platform.to_owned()).ok();
    types::Cluster::builder()
        .name(&cluster.name)
        .arn(&cluster.arn)
        .created_at(date_time(cluster.created))
        .version(&settings.version)
        .set_endpoint(cluster.endpoint.clone())
        .role_arn(&settings.role_arn)
        .resources_vpc_config(network(cluster))
        .kubernetes_network_config(kubernetes_network(cluster))
        .logging(logging(cluster))
        .set_identity(made.then_some(identity))
        .status(status(world, cluster))
        .certificate_authority(if made { authority } else { types::Certificate::builder().build() })
        .set_platform_version(platform)
        .set_tags(Some(hash_map(&settings.tags)))
        .set_encryption_config(encryption)
        .health(types::ClusterHealth::builder().set_issues(Some(Vec::new())).build())
        .access_config(
            types::AccessConfigResponse::builder()
                .authentication_mode(types::AuthenticationMode::from(settings.authentication_mode.as_str()))
                .build(),
        )
        .upgrade_policy(
            types::UpgradePolicyResponse::builder()
                .support_type(types::SupportType::from(settings.support_type.as_str()))
                .build(),
        )
        .zonal_shift_config(types::ZonalShiftConfigResponse::builder().enabled(settings.zonal_shift).build())
        .deletion_protection(settings.deletion_protection)
        .build()
}

fn status(world: &World, cluster: &Cluster) -> types::ClusterStatus {
    if cluster.is_deleting() {
        types::ClusterStatus::Deleting
    } else if cluster.endpoint.is_none() {
        types::ClusterStatus::Creating
    } else if cluster.updates.iter().any(|update: &Update<_>| update.visible(world.now)) {
        types::ClusterStatus::Updating
    } else {
        types::ClusterStatus::Active
    }
}

fn network(cluster: &Cluster) -> types::VpcConfigResponse {
    let settings = &cluster.settings;
    types::VpcConfigResponse::builder()
        .set_subnet_ids(Some(settings.subnets.clone()))
        .set_security_group_ids(Some(settings.security_groups.clone()))
        .set_cluster_security_group_id(cluster.security_group.clone())
        .vpc_id(&cluster.vpc_id)
        .endpoint_public_access(settings.public_access)
        .endpoint_private_access(settings.private_access)
        .set_public_access_cidrs(Some(settings.public_cidrs.clone()))
        .build()
}

fn kubernetes_network(cluster: &Cluster) -> types::KubernetesNetworkConfigResponse {
    types::KubernetesNetworkConfigResponse::builder()
        .service_ipv4_cidr(&cluster.settings.service_cidr)
        .ip_family(types::IpFamily::from(cluster.settings.ip_family.as_str()))
        .elastic_load_balancing(types::ElasticLoadBalancing::builder().enabled(false).build())
        .build()
}

/// The API lists the enabled types in one entry and the others in a second one; an empty entry is left out.
fn logging(cluster: &Cluster) -> types::Logging {
    let entry = |enabled: bool| {
        let of_entry = LOG_TYPES.iter().filter(|name| cluster.settings.logs.contains(**name) == enabled);
        let of_entry: Vec<_> = of_entry.map(|name| types::LogType::from(*name)).collect();
        (!of_entry.is_empty())
            .then(|| types::LogSetup::builder().enabled(enabled).set_types(Some(of_entry)).build())
    };
    let entries = [true, false].into_iter().filter_map(entry).collect();
    types::Logging::builder().set_cluster_logging(Some(entries)).build()
}

/// Base64 of a text in PEM form that is the cluster's own; it certifies nothing, as there is no TLS behind it.
fn certificate_authority(id: &str) -> String {
    let lines: Vec<String> = (0u8..12)
        .map(|line| {
            let bytes: Vec<u8> =
                (0u8..2).flat_map(|half| Sha256::digest(format!("{id}/{line}/{half}")).to_vec()).collect();
            STANDARD.encode(&bytes[..48])
        })
        .collect();
    STANDARD.encode(format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n")))
}
