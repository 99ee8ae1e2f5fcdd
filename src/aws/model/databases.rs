//! Databases outside Kubernetes, each behind a security group that only the cluster gets through.

use std::collections::{BTreeMap, BTreeSet};

use holodeck_engine::{Graph, Handle, Host, Input};

use crate::aws::client::Aws;
use crate::aws::db_instance::DbInstance;
use crate::aws::db_subnet_group::DbSubnetGroup;
use crate::aws::kms_key::KmsKey;
use crate::aws::model::Model;
use crate::aws::model::keys::Keys;
use crate::aws::security_group::SecurityGroup;
use crate::aws::security_group_rule::{Direction, Peer, SecurityGroupRule};
use crate::aws::settings::Database;

/// The user who may do everything in a database.
const MASTER_USERNAME: &str = "holodeck";

/// Where databases lie, and who may reach them.
pub struct Placement {
    /// The VPC.
    pub vpc: Input<String>,
    /// Its private subnets, in two zones at least.
    pub subnets: BTreeSet<Input<String>>,
    /// The security group of the cluster's nodes and pods.
    pub cluster_security_group: Input<String>,
}

/// Registers the kinds of this layer; those of security groups belong to the network.
pub fn register(graph: &mut Graph, host: Host<Aws>) {
    graph.register::<DbSubnetGroup>(host);
    graph.register::<DbInstance>(host);
}

/// Adds the databases; gives them by name.
pub fn declare(
    model: &Model<'_>,
    graph: &mut Graph,
    keys: &Keys,
    placement: &Placement,
) -> BTreeMap<String, Handle<DbInstance>> {
    if model.settings.databases.is_empty() {
        return BTreeMap::new();
    }
    graph.group("Databases");
    let subnets = graph.add(
        "databases",
        DbSubnetGroup {
            description: format!("Private subnets of the environment {}", model.environment.name),
            subnets: placement.subnets.clone(),
            tags: model.tags(),
        },
    );
    let subnet_group = subnets.output(DbSubnetGroup::NAME);
    let add = |(name, database): (&String, &Database)| {
        let security_group = protect(model, graph, placement, name, database.port());
        let instance = DbInstance {
            engine: database.engine.as_str().to_owned(),
            version: database.version.clone(),
            class: database.class.clone(),
            storage_gib: database.storage_gib,
            max_storage_gib: database.max_storage_gib.unwrap_or_default(),
            multi_az: database.multi_az,
            port: database.port(),
            master_username: MASTER_USERNAME.to_owned(),
            key_arn: keys.key.output(KmsKey::ARN),
            backup_days: database.backup_days,
            deletion_protection: database.deletion_protection,
            // What was worth protecting is worth keeping.
            final_snapshot: database.deletion_protection,
            subnet_group: subnet_group.clone(),
            security_groups: BTreeSet::from([security_group]),
            auto_minor_upgrade: true,
            performance_insights: false,
            public: false,
            tags: model.tags(),
        };
        (name.clone(), graph.add(name, instance))
    };
    model.settings.databases.iter().map(add).collect()
}

/// The id of a security group that lets only the cluster through to the database `name`.
fn protect(
    model: &Model<'_>,
    graph: &mut Graph,
    placement: &Placement,
    name: &str,
    port: u16,
) -> Input<String> {
    let name = format!("database-{name}");
    let group = graph.add(
        &name,
        SecurityGroup {
            vpc: placement.vpc.clone(),
            description: "Who reaches the database".to_owned(),
            open_egress: false,
            tags: model.tags(),
        },
    );
    let id = group.output(SecurityGroup::ID);
    let rule = SecurityGroupRule {
        group: id.clone(),
        direction: Direction::Ingress,
        protocol: "tcp".to_owned(),
        from_port: i32::from(port),
        to_port: i32::from(port),
        peer: Peer::Group(placement.cluster_security_group.clone()),
        description: "From the cluster".to_owned(),
        tags: model.tags(),
    };
    graph.add(&name, rule);
    id
}
