//! Behaviour of the simulated EKS, through the real client.

use aws_sdk_eks::types::*;

use super::super::landscape::{Landscape, minutes, role};
use super::super::testing::code;

#[tokio::test(start_paused = true)]
async fn a_cluster_is_created_over_ten_minutes_with_all_that_belongs_to_it() {
    let landscape = Landscape::new().await;
    let created = landscape.create_cluster("main").send().await.unwrap();
    assert_eq!(created.cluster().unwrap().tags().unwrap()["team"], "infra");
    let creating = landscape.cluster().await;
    assert_eq!((creating.status(), creating.endpoint()), (Some(&ClusterStatus::Creating), None));
    minutes(10).await;
    let cluster = landscape.cluster().await;
    assert_eq!(cluster.status(), Some(&ClusterStatus::Active));
    let network = cluster.resources_vpc_config().unwrap();
    assert_eq!(network.subnet_ids(), landscape.subnets);
    assert_eq!(network.vpc_id(), Some(landscape.vpc.as_str()));
    assert_eq!((network.endpoint_public_access(), network.endpoint_private_access()), (true, true));
    assert_eq!(network.public_access_cidrs(), ["0.0.0.0/0"]);
    assert!(cluster.endpoint().unwrap().ends_with(".gr7.eu-west-1.eks.amazonaws.com"));
    let id = cluster.endpoint().unwrap().trim_start_matches("https://").split('.').next().unwrap().to_owned();
    let issuer = cluster.identity().unwrap().oidc().unwrap().issuer().unwrap();
    assert_eq!(issuer, format!("https://oidc.eks.eu-west-1.amazonaws.com/id/{id}"));
    assert!(cluster.certificate_authority().unwrap().data().is_some());
    assert_eq!(cluster.platform_version(), Some("eks.15"));
    assert_eq!(cluster.logging().unwrap().cluster_logging()[0].types(), [LogType::Api, LogType::Audit]);
    let group = network.cluster_security_group_id().unwrap();
    let described = landscape.account.ec2().describe_security_groups().group_ids(group).send().await.unwrap();
    let tags = described.security_groups()[0].tags();
    assert!(tags.iter().any(|tag| tag.key() == Some("aws:eks:cluster-name") && tag.value() == Some("main")));
    let interfaces = interfaces(&landscape, "Amazon EKS main").await;
    assert_eq!(interfaces.len(), 2);
    let logs = landscape.account.cloudwatchlogs().describe_log_groups().send().await.unwrap();
    assert_eq!(logs.log_groups()[0].log_group_name(), Some("/aws/eks/main/cluster"));
}

async fn interfaces(landscape: &Landscape, description: &str) -> Vec<aws_sdk_ec2::types::NetworkInterface> {
    let filter = aws_sdk_ec2::types::Filter::builder().name("description").values(description).build();
    let request = landscape.account.ec2().describe_network_interfaces().filters(filter);
    request.send().await.unwrap().network_interfaces().to_vec()
}

#[tokio::test(start_paused = true)]
async fn what_a_cluster_cannot_be_made_of_is_refused() {
    let landscape = Landscape::new().await;
    let new = role(&landscape.account, "new", "eks.amazonaws.com", &[]).await;
    let network =
        |subnets: &[String]| VpcConfigRequest::builder().set_subnet_ids(Some(subnets.to_vec())).build();
    let request = || landscape.create_cluster("main");
    let unknown = "arn:aws:iam::123456789012:role/unknown";
    let cases = [
        ("unknown role", request().role_arn(unknown)),
        ("role too new", request().role_arn(&new)),
        ("role of nodes", request().role_arn(&landscape.node_role)),
        ("unknown version", request().version("1.12")),
        ("one zone", request().resources_vpc_config(network(&landscape.subnets[..1]))),
        (
            "unknown subnet",
            request().resources_vpc_config(network(&["subnet-0".to_owned(), landscape.subnets[0].clone()])),
        ),
    ];
    for (case, request) in cases {
        assert_eq!(code(request.send().await), "InvalidParameterException", "{case}");
    }
    minutes(1).await;
    request().role_arn(&new).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_name_is_taken_once_and_a_repeated_request_gives_the_same_cluster() {
    let landscape = Landscape::new().await;
    let request = || landscape.create_cluster("main").client_request_token("token");
    let first = request().send().await.unwrap();
    let again = request().send().await.unwrap();
    assert_eq!(first.cluster().unwrap().arn(), again.cluster().unwrap().arn());
    assert_eq!(code(request().version("1.33").send().await), "IdempotentParameterMismatch");
    assert_eq!(code(landscape.create_cluster("main").send().await), "ResourceInUseException");
}

#[tokio::test(start_paused = true)]
async fn updates_come_one_at_a_time_and_take_effect_at_their_end() {
    let landscape = Landscape::with_cluster().await;
    let eks = landscape.account.eks();
    let private = VpcConfigRequest::builder().endpoint_public_access(false).build();
    let request = eks.update_cluster_config().name("main").resources_vpc_config(private.clone());
    let update = request.send().await.unwrap().update().unwrap().clone();
    assert_eq!(
        (update.status(), update.r#type()),
        (Some(&UpdateStatus::InProgress), Some(&UpdateType::EndpointAccessUpdate))
    );
    let second = eks.update_cluster_config().name("main").deletion_protection(true);
    assert_eq!(code(second.clone().send().await), "ResourceInUseException");
    minutes(1).await;
    assert_eq!(landscape.cluster().await.status(), Some(&ClusterStatus::Updating));
    assert!(landscape.cluster().await.resources_vpc_config().unwrap().endpoint_public_access());
    minutes(3).await;
    let update = eks.describe_update().name("main").update_id(update.id().unwrap()).send().await.unwrap();
    assert_eq!(update.update().unwrap().status(), Some(&UpdateStatus::Successful));
    assert!(!landscape.cluster().await.resources_vpc_config().unwrap().endpoint_public_access());
    let again = eks.update_cluster_config().name("main").resources_vpc_config(private);
    assert_eq!(code(again.clone().send().await), "InvalidParameterException");
    assert_eq!(code(again.deletion_protection(true).send().await), "InvalidParameterException");
    second.send().await.unwrap();
    minutes(1).await;
    assert_eq!(code(eks.delete_cluster().name("main").send().await), "InvalidRequestException");
    assert_eq!(eks.list_updates().name("main").send().await.unwrap().update_ids().len(), 2);
    assert_eq!(
        code(eks.describe_update().name("main").update_id("none").send().await),
        "ResourceNotFoundException"
    );
}

#[tokio::test(start_paused = true)]
async fn versions_move_one_minor_at_a_time() {
    let landscape = Landscape::with_cluster().await;
    let eks = landscape.account.eks();
    let to = |version: &str| eks.update_cluster_version().name("main").version(version).send();
    for version in ["1.36", "1.34", "1.33", "2.0"] {
        assert_eq!(code(to(version).await), "InvalidParameterException", "{version}");
    }
    to("1.35").await.unwrap();
    minutes(9).await;
    assert_eq!(landscape.cluster().await.version(), Some("1.35"));
    let versions = eks.describe_cluster_versions().default_only(true).send().await.unwrap();
    assert_eq!(versions.cluster_versions()[0].cluster_version(), Some("1.35"));
}

#[tokio::test(start_paused = true)]
async fn encryption_can_be_added_and_never_changed() {
    let landscape = Landscape::with_cluster().await;
    let eks = landscape.account.eks();
    let key = landscape.account.kms().create_key().send().await.unwrap();
    let key = key.key_metadata().unwrap().arn().unwrap().to_owned();
    let with = |key: &str| {
        let provider = Provider::builder().key_arn(key).build();
        #[expect(deprecated, reason = "callers still name the resources")]
        let config = EncryptionConfig::builder().resources("secrets").provider(provider).build();
        eks.associate_encryption_config().cluster_name("main").encryption_config(config)
    };
    assert_eq!(code(with("alias/main").send().await), "InvalidParameterException");
    with(&key).send().await.unwrap();
    assert!(landscape.cluster().await.encryption_config().is_empty());
    minutes(13).await;
    let cluster = landscape.cluster().await;
    assert_eq!(cluster.encryption_config()[0].provider().unwrap().key_arn(), Some(key.as_str()));
    assert_eq!(code(with(&key).send().await), "InvalidParameterException");
}

#[tokio::test(start_paused = true)]
async fn a_node_group_brings_instances_and_holds_its_cluster() {
    let landscape = Landscape::with_cluster().await;
    let created = landscape.create_node_group("general", 2).send().await.unwrap();
    assert_eq!(created.nodegroup().unwrap().status(), Some(&NodegroupStatus::Creating));
    assert_eq!(code(landscape.create_node_group("general", 2).send().await), "ResourceInUseException");
    minutes(4).await;
    let group = landscape.node_group("general").await;
    assert_eq!(group.status(), Some(&NodegroupStatus::Active));
    assert_eq!((group.version(), group.ami_type()), (Some("1.34"), Some(&AmiTypes::Al2023X8664Standard)));
    assert_eq!(group.labels().unwrap()["tier"], "general");
    assert_eq!(group.update_config().unwrap().max_unavailable(), Some(1));
    let filter =
        aws_sdk_ec2::types::Filter::builder().name("tag:eks:nodegroup-name").values("general").build();
    let instances = landscape.account.ec2().describe_instances().filters(filter).send().await.unwrap();
    let instances: Vec<_> = instances.reservations().iter().flat_map(|of| of.instances()).collect();
    assert_eq!(instances.len(), 2);
    let nodes = landscape.account.with(|world| super::nodes(world, "main"));
    let zones: Vec<&str> = nodes.iter().map(|node| node.zone.as_str()).collect();
    assert_eq!((nodes.len(), zones), (2, vec!["eu-west-1a", "eu-west-1b"]));
    let entry = landscape.access_entry(&landscape.node_role).await;
    assert_eq!(
        (entry.r#type(), entry.kubernetes_groups()),
        (Some("EC2_LINUX"), ["system:nodes".to_owned()].as_slice())
    );
    let eks = landscape.account.eks();
    assert_eq!(code(eks.delete_cluster().name("main").send().await), "ResourceInUseException");
}

#[tokio::test(start_paused = true)]
async fn a_node_group_fails_with_its_reason() {
    let landscape = Landscape::with_cluster().await;
    landscape
        .create_node_group("lacking", 1)
        .set_instance_types(Some(vec!["x9.nano".into()]))
        .send()
        .await
        .unwrap();
    let powerless = role(&landscape.account, "powerless", "ec2.amazonaws.com", &[]).await;
    minutes(1).await;
    landscape.create_node_group("powerless", 1).node_role(powerless).send().await.unwrap();
    minutes(15).await;
    for (name, issue) in [
        ("lacking", NodegroupIssueCode::AsgInstanceLaunchFailures),
        ("powerless", NodegroupIssueCode::NodeCreationFailure),
    ] {
        let group = landscape.node_group(name).await;
        assert_eq!(group.status(), Some(&NodegroupStatus::CreateFailed), "{name}");
        assert_eq!(group.health().unwrap().issues()[0].code(), Some(&issue), "{name}");
        let eks = landscape.account.eks();
        eks.delete_nodegroup().cluster_name("main").nodegroup_name(name).send().await.unwrap();
    }
    minutes(5).await;
    let left = landscape.account.eks().list_nodegroups().cluster_name("main").send().await.unwrap();
    assert!(left.nodegroups().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nodes_join_only_where_something_gives_them_a_network() {
    let landscape = Landscape::new().await;
    landscape.create_cluster("main").bootstrap_self_managed_addons(false).send().await.unwrap();
    minutes(10).await;
    landscape.create_node_group("general", 1).send().await.unwrap();
    minutes(5).await;
    assert_eq!(landscape.node_group("general").await.status(), Some(&NodegroupStatus::Creating));
    landscape.account.eks().create_addon().cluster_name("main").addon_name("vpc-cni").send().await.unwrap();
    minutes(2).await;
    assert_eq!(landscape.node_group("general").await.status(), Some(&NodegroupStatus::Active));
}

#[tokio::test(start_paused = true)]
async fn a_new_version_replaces_the_nodes_one_by_one() {
    let landscape = Landscape::with_nodes().await;
    let eks = landscape.account.eks();
    let ids = || {
        landscape.account.with(|world| {
            super::nodes(world, "main").into_iter().map(|node| node.instance_id).collect::<Vec<_>>()
        })
    };
    let before = ids();
    let request = || eks.update_nodegroup_version().cluster_name("main").nodegroup_name("general");
    assert_eq!(
        code(request().version("1.35").send().await),
        "InvalidParameterException",
        "newer than the cluster"
    );
    eks.update_cluster_version().name("main").version("1.35").send().await.unwrap();
    minutes(9).await;
    let update = request().version("1.35").send().await.unwrap().update().unwrap().clone();
    minutes(2).await;
    assert_eq!(landscape.node_group("general").await.status(), Some(&NodegroupStatus::Updating));
    assert_eq!(ids().len(), 3, "one node more while one is replaced");
    minutes(10).await;
    let group = landscape.node_group("general").await;
    assert_eq!((group.status(), group.version()), (Some(&NodegroupStatus::Active), Some("1.35")));
    assert!(ids().len() == 2 && ids().iter().all(|id| !before.contains(id)));
    let request =
        eks.describe_update().name("main").nodegroup_name("general").update_id(update.id().unwrap());
    assert_eq!(request.send().await.unwrap().update().unwrap().status(), Some(&UpdateStatus::Successful));
}

#[tokio::test(start_paused = true)]
async fn the_same_time_gives_the_same_nodes_in_one_step_as_in_many() {
    let mut results = Vec::new();
    for steps in [1, 20] {
        let landscape = Landscape::with_nodes().await;
        let eks = landscape.account.eks();
        eks.update_nodegroup_version()
            .cluster_name("main")
            .nodegroup_name("general")
            .release_version("1.34.9-20270101")
            .send()
            .await
            .unwrap();
        for _ in 0..steps {
            minutes(20 / steps).await;
            landscape.node_group("general").await;
        }
        let group = landscape.node_group("general").await;
        results.push((group.status().cloned(), group.release_version().map(str::to_owned)));
    }
    assert_eq!(results[0].0, Some(NodegroupStatus::Active));
    assert_eq!(results[0], results[1]);
}

#[tokio::test(start_paused = true)]
async fn labels_and_size_change_together() {
    let landscape = Landscape::with_nodes().await;
    let eks = landscape.account.eks();
    let labels =
        UpdateLabelsPayload::builder().add_or_update_labels("zone", "x").remove_labels("tier").build();
    let scaling = NodegroupScalingConfig::builder().min_size(1).max_size(5).desired_size(3).build();
    let request = || eks.update_nodegroup_config().cluster_name("main").nodegroup_name("general");
    request().labels(labels).scaling_config(scaling).send().await.unwrap();
    let taint = Taint::builder().key("dedicated").value("x").effect(TaintEffect::NoSchedule).build();
    let taints = UpdateTaintsPayload::builder().add_or_update_taints(taint).build();
    assert_eq!(code(request().taints(taints.clone()).send().await), "ResourceInUseException");
    minutes(3).await;
    let group = landscape.node_group("general").await;
    assert_eq!(group.labels().unwrap().keys().collect::<Vec<_>>(), ["zone"]);
    assert_eq!(landscape.account.with(|world| super::nodes(world, "main").len()), 3);
    request().taints(taints).send().await.unwrap();
    minutes(1).await;
    assert_eq!(landscape.node_group("general").await.taints()[0].key(), Some("dedicated"));
    let wrong = NodegroupScalingConfig::builder().min_size(4).max_size(3).build();
    assert_eq!(code(request().scaling_config(wrong).send().await), "InvalidParameterException");
}

#[tokio::test(start_paused = true)]
async fn deleting_takes_away_what_eks_made() {
    let landscape = Landscape::with_nodes().await;
    let eks = landscape.account.eks();
    let group = landscape
        .cluster()
        .await
        .resources_vpc_config()
        .unwrap()
        .cluster_security_group_id()
        .unwrap()
        .to_owned();
    let scaling_group = landscape.scaling_group("general").await;
    eks.delete_nodegroup().cluster_name("main").nodegroup_name("general").send().await.unwrap();
    assert_eq!(landscape.node_group("general").await.status(), Some(&NodegroupStatus::Deleting));
    minutes(4).await;
    let gone = eks.describe_nodegroup().cluster_name("main").nodegroup_name("general");
    assert_eq!(code(gone.send().await), "ResourceNotFoundException");
    let groups = landscape
        .account
        .autoscaling()
        .describe_auto_scaling_groups()
        .auto_scaling_group_names(scaling_group);
    assert!(groups.send().await.unwrap().auto_scaling_groups().is_empty());
    eks.delete_cluster().name("main").send().await.unwrap();
    assert_eq!(landscape.cluster().await.status(), Some(&ClusterStatus::Deleting));
    minutes(4).await;
    assert_eq!(code(eks.describe_cluster().name("main").send().await), "ResourceNotFoundException");
    assert_eq!(code(eks.delete_cluster().name("main").send().await), "ResourceNotFoundException");
    let request = landscape.account.ec2().describe_security_groups().group_ids(group);
    assert_eq!(code(request.send().await), "InvalidGroup.NotFound");
    assert!(interfaces(&landscape, "*").await.is_empty());
    let logs = landscape.account.cloudwatchlogs().describe_log_groups().send().await.unwrap();
    assert_eq!(logs.log_groups().len(), 1, "the log group outlives the cluster");
}

#[tokio::test(start_paused = true)]
async fn an_add_on_that_needs_a_node_is_degraded_until_one_is_there() {
    let landscape = Landscape::with_cluster().await;
    let eks = landscape.account.eks();
    for name in ["coredns", "kube-proxy"] {
        eks.create_addon().cluster_name("main").addon_name(name).send().await.unwrap();
    }
    let addon = async |name: &str| {
        let answer = eks.describe_addon().cluster_name("main").addon_name(name).send().await.unwrap();
        answer.addon().unwrap().clone()
    };
    assert_eq!(addon("coredns").await.status(), Some(&AddonStatus::Creating));
    minutes(1).await;
    assert_eq!(addon("kube-proxy").await.status(), Some(&AddonStatus::Active));
    let degraded = addon("coredns").await;
    assert_eq!(degraded.status(), Some(&AddonStatus::Degraded));
    let issue = degraded.health().unwrap().issues()[0].code().cloned();
    assert_eq!(issue, Some(AddonIssueCode::InsufficientNumberOfReplicas));
    landscape.create_node_group("general", 1).send().await.unwrap();
    minutes(3).await;
    assert_eq!(addon("coredns").await.status(), Some(&AddonStatus::Active));
}

#[tokio::test(start_paused = true)]
async fn add_ons_have_versions_for_each_kubernetes_version() {
    let landscape = Landscape::with_cluster().await;
    let eks = landscape.account.eks();
    let versions = eks
        .describe_addon_versions()
        .addon_name("kube-proxy")
        .kubernetes_version("1.34")
        .send()
        .await
        .unwrap();
    let info = &versions.addons()[0];
    let default =
        info.addon_versions().iter().find(|version| version.compatibilities()[0].default_version()).unwrap();
    let created = eks.create_addon().cluster_name("main").addon_name("kube-proxy").send().await.unwrap();
    assert_eq!(created.addon().unwrap().addon_version(), default.addon_version());
    let newer =
        eks.create_addon().cluster_name("main").addon_name("coredns").addon_version("v1.13.2-eksbuild.99");
    assert_eq!(code(newer.send().await), "InvalidParameterException");
    assert_eq!(
        code(eks.describe_addon_versions().addon_name("unknown").send().await),
        "InvalidParameterException"
    );
    let wrong = eks.update_addon().cluster_name("main").addon_name("kube-proxy").configuration_values("{");
    assert_eq!(code(wrong.send().await), "InvalidParameterException");
    let values = r#"{"replicaCount":3}"#;
    minutes(1).await;
    eks.update_addon()
        .cluster_name("main")
        .addon_name("kube-proxy")
        .configuration_values(values)
        .send()
        .await
        .unwrap();
    minutes(1).await;
    let addon = eks.describe_addon().cluster_name("main").addon_name("kube-proxy").send().await.unwrap();
    assert_eq!(addon.addon().unwrap().configuration_values(), Some(values));
    eks.delete_addon().cluster_name("main").addon_name("kube-proxy").preserve(true).send().await.unwrap();
    minutes(1).await;
    let gone = eks.describe_addon().cluster_name("main").addon_name("kube-proxy").send().await;
    assert_eq!(code(gone), "ResourceNotFoundException");
}

#[tokio::test(start_paused = true)]
async fn access_is_given_by_entries_and_policies() {
    let landscape = Landscape::with_cluster().await;
    let eks = landscape.account.eks();
    let admin = role(&landscape.account, "admin", "ec2.amazonaws.com", &[]).await;
    let create =
        || eks.create_access_entry().cluster_name("main").principal_arn(&admin).kubernetes_groups("admins");
    create().send().await.unwrap();
    assert_eq!(code(create().send().await), "ResourceInUseException");
    let unknown = create().principal_arn("arn:aws:iam::123456789012:role/unknown");
    assert_eq!(code(unknown.send().await), "InvalidParameterException");
    let policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";
    let scope = AccessScope::builder().r#type(AccessScopeType::Cluster).build();
    let associate =
        eks.associate_access_policy().cluster_name("main").principal_arn(&admin).access_scope(scope);
    associate.clone().policy_arn(policy).send().await.unwrap();
    assert_eq!(
        code(associate.policy_arn("arn:aws:iam::aws:policy/ReadOnlyAccess").send().await),
        "InvalidParameterException"
    );
    let request = eks.list_associated_access_policies().cluster_name("main").principal_arn(&admin);
    let policies = request.send().await.unwrap();
    assert_eq!(policies.associated_access_policies()[0].policy_arn(), Some(policy));
    let with_policy =
        eks.list_access_entries().cluster_name("main").associated_policy_arn(policy).send().await.unwrap();
    assert_eq!(with_policy.access_entries(), [admin.as_str()]);
    let update =
        eks.update_access_entry().cluster_name("main").principal_arn(&admin).kubernetes_groups("others");
    update.send().await.unwrap();
    assert_eq!(landscape.access_entry(&admin).await.kubernetes_groups(), ["others"]);
    let delete = || eks.delete_access_entry().cluster_name("main").principal_arn(&admin).send();
    delete().await.unwrap();
    assert_eq!(code(delete().await), "ResourceNotFoundException");
}

#[tokio::test(start_paused = true)]
async fn a_service_account_has_one_pod_identity() {
    let landscape = Landscape::with_cluster().await;
    let eks = landscape.account.eks();
    let pods = role(&landscape.account, "pods", "pods.eks.amazonaws.com", &[]).await;
    let create = |namespace: &str| {
        let request = eks.create_pod_identity_association().cluster_name("main").namespace(namespace);
        request.service_account("vault").role_arn(&pods).tags("team", "infra")
    };
    assert_eq!(code(create("vault").send().await), "InvalidParameterException", "role too new");
    minutes(1).await;
    let association = create("vault").send().await.unwrap().association().unwrap().clone();
    assert_eq!(code(create("vault").send().await), "ResourceInUseException");
    create("other").send().await.unwrap();
    let found =
        eks.list_pod_identity_associations().cluster_name("main").namespace("vault").send().await.unwrap();
    assert_eq!(found.associations()[0].association_id(), association.association_id());
    assert_eq!(found.associations().len(), 1);
    let tags = eks
        .list_tags_for_resource()
        .resource_arn(association.association_arn().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(tags.tags().unwrap()["team"], "infra");
    let delete = || {
        let request = eks.delete_pod_identity_association().cluster_name("main");
        request.association_id(association.association_id().unwrap()).send()
    };
    delete().await.unwrap();
    assert_eq!(code(delete().await), "ResourceNotFoundException");
}

#[tokio::test(start_paused = true)]
async fn tags_change_and_lists_page() {
    let landscape = Landscape::with_cluster().await;
    let eks = landscape.account.eks();
    let arn = landscape.cluster().await.arn().unwrap().to_owned();
    eks.tag_resource().resource_arn(&arn).tags("stage", "test").send().await.unwrap();
    eks.untag_resource().resource_arn(&arn).tag_keys("team").send().await.unwrap();
    let cluster = landscape.cluster().await;
    assert_eq!(
        cluster.tags().unwrap().iter().collect::<Vec<_>>(),
        [(&"stage".to_owned(), &"test".to_owned())]
    );
    assert_eq!(
        code(eks.list_tags_for_resource().resource_arn("arn:aws:eks:x").send().await),
        "NotFoundException"
    );
    landscape.create_cluster("second").send().await.unwrap();
    let first = eks.list_clusters().max_results(1).send().await.unwrap();
    let second =
        eks.list_clusters().max_results(1).next_token(first.next_token().unwrap()).send().await.unwrap();
    assert_eq!(
        (first.clusters(), second.clusters()),
        (["main".to_owned()].as_slice(), ["second".to_owned()].as_slice())
    );
    assert_eq!(second.next_token(), None);
}
