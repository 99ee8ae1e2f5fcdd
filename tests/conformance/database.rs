//! Databases and the subnets that they lie in.

use std::collections::BTreeSet;

use holodeck_bootstrap::aws::client::Aws;
use holodeck_bootstrap::aws::db_instance::DbInstance;
use holodeck_bootstrap::aws::db_subnet_group::DbSubnetGroup;
use holodeck_bootstrap::aws::kms_key::KmsKey;
use holodeck_bootstrap::aws::security_group::SecurityGroup;
use holodeck_bootstrap::aws::subnet::Subnet;
use holodeck_bootstrap::aws::vpc::Vpc;
use holodeck_engine::plan::Action;
use holodeck_engine::{Graph, Handle, Host, Input};

use crate::account::{Account, REGION};
use crate::kms::add_key;
use crate::laws::{Expect, Laws, own_tags};
use crate::network::add_vpc;

fn add_network(graph: &mut Graph, host: Host<Aws>) -> Handle<Vpc> {
    graph.register::<Subnet>(host);
    graph.register::<SecurityGroup>(host);
    add_vpc(graph, host)
}

fn add_subnet(graph: &mut Graph, vpc: &Handle<Vpc>, zone: char, third: u8) -> Input<String> {
    let subnet = Subnet {
        vpc: vpc.output(Vpc::ID),
        cidr: format!("10.20.{third}.0/24"),
        zone: format!("{REGION}{zone}"),
        public_addresses: false,
        tags: own_tags(),
    };
    graph.add(zone, subnet).output(Subnet::ID)
}

fn add_security_group(graph: &mut Graph, vpc: &Handle<Vpc>, name: &str) -> Input<String> {
    let group = SecurityGroup {
        vpc: vpc.output(Vpc::ID),
        description: "databases".into(),
        open_egress: false,
        tags: own_tags(),
    };
    graph.add(name, group).output(SecurityGroup::ID)
}

fn subnet_group(graph: &mut Graph, vpc: &Handle<Vpc>) -> DbSubnetGroup {
    let subnets = [add_subnet(graph, vpc, 'a', 1), add_subnet(graph, vpc, 'b', 2)];
    DbSubnetGroup { description: "private subnets".into(), subnets: subnets.into(), tags: own_tags() }
}

fn database(graph: &mut Graph, host: Host<Aws>) -> DbInstance {
    graph.register::<DbSubnetGroup>(host);
    let vpc = add_network(graph, host);
    let group = subnet_group(graph, &vpc);
    let group = graph.add("databases", group);
    add_security_group(graph, &vpc, "other");
    DbInstance {
        engine: "postgres".into(),
        version: "17".into(),
        class: "db.t4g.medium".into(),
        storage_gib: 20,
        max_storage_gib: 100,
        multi_az: true,
        port: 5432,
        master_username: "holodeck".into(),
        key_arn: add_key(graph, host, "main").output(KmsKey::ARN),
        backup_days: 14,
        deletion_protection: false,
        final_snapshot: true,
        subnet_group: group.output(DbSubnetGroup::NAME),
        security_groups: BTreeSet::from([add_security_group(graph, &vpc, "orders")]),
        auto_minor_upgrade: true,
        performance_insights: false,
        public: false,
        tags: own_tags(),
    }
}

#[tokio::test(start_paused = true)]
async fn subnet_groups() {
    Laws::of("databases", |graph, host| {
        let vpc = add_network(graph, host);
        add_subnet(graph, &vpc, 'c', 3);
        subnet_group(graph, &vpc)
    })
    .edit("description", |group| group.description = "other subnets".into(), Expect::Update)
    .edit_in(
        "subnets",
        |graph, _, group| {
            let address = holodeck_engine::Address::new("aws.subnet", "c");
            assert!(graph.desired(&address).is_some(), "the subnet is declared");
            let id = Subnet::ID.field().to_owned();
            group.subnets.insert(Input::Output(holodeck_engine::Reference { address, field: id }));
        },
        Expect::Update,
    )
    .edit("tags", |group| _ = group.tags.insert("team".into(), "platform".into()), Expect::Update)
    .hold()
    .await;
}

#[tokio::test(start_paused = true)]
async fn databases() {
    Laws::of("orders", database)
        .edit("version", |db| db.version = "18".into(), Expect::Update)
        .edit("version", |db| db.version = "16".into(), Expect::Refuse)
        .edit("class", |db| db.class = "db.m7g.large".into(), Expect::Update)
        .edit("max_storage_gib", |db| db.max_storage_gib = 200, Expect::Update)
        .edit("multi_az", |db| db.multi_az = false, Expect::Update)
        .edit("backup_days", |db| db.backup_days = 7, Expect::Update)
        .edit("deletion_protection", |db| db.deletion_protection = true, Expect::Update)
        .edit("final_snapshot", |db| db.final_snapshot = false, Expect::Update)
        .edit("auto_minor_upgrade", |db| db.auto_minor_upgrade = false, Expect::Update)
        .edit("performance_insights", |db| db.performance_insights = true, Expect::Update)
        .edit("tags", |db| _ = db.tags.insert("team".into(), "platform".into()), Expect::Update)
        .edit("master_username", |db| db.master_username = "other".into(), Expect::Replace)
        .edit_in(
            "key_arn",
            |graph, host, db| db.key_arn = add_key(graph, host, "other").output(KmsKey::ARN),
            Expect::Replace,
        )
        .edit("engine", |db| (db.engine, db.version) = ("mysql".into(), "8.4".into()), Expect::Replace)
        .hold()
        .await;
}

/// Where storage grows by itself, more of it than at the beginning is no drift.
#[tokio::test(start_paused = true)]
async fn databases_whose_storage_does_not_grow() {
    Laws::of("orders", |graph, host| DbInstance {
        storage_gib: 40,
        max_storage_gib: 0,
        ..database(graph, host)
    })
    .edit("storage_gib", |db| db.storage_gib = 50, Expect::Update)
    .edit("storage_gib", |db| db.storage_gib = 20, Expect::Refuse)
    .hold()
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_last_snapshot_is_taken_of_what_asks_for_it() {
    for final_snapshot in [true, false] {
        let account = Account::fresh();
        let mut graph = Graph::new();
        let host = account.host(&mut graph);
        graph.register::<DbInstance>(host);
        let database = DbInstance { final_snapshot, ..database(&mut graph, host) };
        graph.add("orders", database);
        assert!(account.up(&graph, None).await.is_complete());
        let outcome = account.destroy(&graph).await;
        assert!(outcome.is_complete(), "{outcome:#?}");
        let snapshots = account.aws.rds.describe_db_snapshots().send().await.unwrap();
        let names: Vec<&str> =
            snapshots.db_snapshots().iter().filter_map(|s| s.db_snapshot_identifier()).collect();
        assert_eq!(names.len(), usize::from(final_snapshot), "{names:?}");
        assert!(names.iter().all(|name| name.starts_with("staging-orders-final-")), "{names:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_minor_upgrade_by_aws_is_no_drift_and_one_by_name_is() {
    let account = Account::fresh();
    let mut graph = Graph::new();
    let host = account.host(&mut graph);
    graph.register::<DbInstance>(host);
    let database = DbInstance { version: "17.6".into(), ..database(&mut graph, host) };
    graph.add("orders", database.clone());
    assert!(account.up(&graph, None).await.is_complete());
    for (version, action) in [("17", Action::Unchanged), ("17.9", Action::Update)] {
        let mut graph = Graph::new();
        let host = account.host(&mut graph);
        graph.register::<DbInstance>(host);
        let wanted = DbInstance { version: version.into(), ..self::database(&mut graph, host) };
        let address = graph.add("orders", wanted).address().clone();
        let (_, plan) = account.plan(&graph, None).await;
        let change = plan.changes.iter().find(|change| change.address == address).unwrap();
        assert_eq!(change.action, action, "{version}: {change:#?}");
    }
}
