//! The simulated IAM as a caller of the SDK sees it.

use std::time::Duration;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::Tag;

use super::{RoleState, role_ready, role_trusts};
use crate::aws::testing::{account, code};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"eks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const READ: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"*"}}"#;
const CLUSTER_POLICY: &str = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy";

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

async fn role(iam: &Client, name: &str) -> aws_sdk_iam::types::Role {
    let created = iam.create_role().role_name(name).assume_role_policy_document(TRUST).send().await.unwrap();
    created.role().unwrap().clone()
}

fn decoded(document: Option<&str>) -> String {
    percent_encoding::percent_decode_str(document.unwrap()).decode_utf8().unwrap().into_owned()
}

#[tokio::test(start_paused = true)]
async fn a_role_reads_back_with_its_tags_and_an_encoded_trust_policy() {
    let iam = account().iam();
    let creation = iam
        .create_role()
        .role_name("cluster")
        .path("/holodeck/")
        .description("of the cluster")
        .assume_role_policy_document(TRUST)
        .tags(tag("owner", "holodeck"));
    let created = creation.send().await.unwrap();
    assert_eq!(created.role().unwrap().tags(), [tag("owner", "holodeck")]);

    let read = iam.get_role().role_name("cluster").send().await.unwrap();
    let role = read.role().unwrap();
    assert_eq!(role.arn(), "arn:aws:iam::123456789012:role/holodeck/cluster");
    assert!(role.role_id().starts_with("AROA"));
    assert_eq!(role.description(), Some("of the cluster"));
    assert_eq!(role.max_session_duration(), Some(3600));
    assert_eq!(role.tags(), [tag("owner", "holodeck")]);
    assert!(!role.assume_role_policy_document().unwrap().contains('{'));
    assert_eq!(decoded(role.assume_role_policy_document()), TRUST);
}

#[tokio::test(start_paused = true)]
async fn lists_filter_by_path_page_and_leave_tags_out() {
    let iam = account().iam();
    for (name, path) in [("a", "/holodeck/"), ("b", "/holodeck/"), ("c", "/holodeck/"), ("other", "/")] {
        let creation = iam.create_role().role_name(name).path(path).assume_role_policy_document(TRUST);
        creation.tags(tag("k", "v")).send().await.unwrap();
    }
    let list = || iam.list_roles().path_prefix("/holodeck/").max_items(2);
    let first = list().send().await.unwrap();
    assert!(first.is_truncated());
    let second = list().marker(first.marker().unwrap()).send().await.unwrap();
    assert!(!second.is_truncated() && second.marker().is_none());
    let roles: Vec<_> = first.roles().iter().chain(second.roles()).collect();
    assert_eq!(roles.iter().map(|role| role.role_name()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(roles.iter().all(|role| role.tags().is_empty()));
    assert_eq!(code(list().marker("nonsense").send().await), "ValidationError");
}

#[tokio::test(start_paused = true)]
async fn a_name_is_taken_whatever_its_case() {
    let iam = account().iam();
    role(&iam, "Cluster").await;
    let again = iam.create_role().role_name("cluster").assume_role_policy_document(TRUST).send().await;
    assert!(again.unwrap_err().into_service_error().is_entity_already_exists_exception());
}

#[tokio::test(start_paused = true)]
async fn trust_policies_are_checked() {
    let iam = account().iam();
    let ghost =
        TRUST.replace(r#""Service":"eks.amazonaws.com""#, r#""AWS":"arn:aws:iam::123456789012:role/ghost""#);
    for wrong in ["{", "{}", READ, r#"{"Statement":[{"Effect":"Maybe"}]}"#, &ghost] {
        let created = iam.create_role().role_name("r").assume_role_policy_document(wrong).send().await;
        assert_eq!(code(created), "MalformedPolicyDocument", "{wrong}");
    }
    role(&iam, "r").await;
    let updated = iam.update_assume_role_policy().role_name("r").policy_document("no").send().await;
    assert!(updated.unwrap_err().into_service_error().is_malformed_policy_document_exception());
}

#[tokio::test(start_paused = true)]
async fn unknown_names_are_no_such_entity() {
    let iam = account().iam();
    assert!(
        iam.get_role()
            .role_name("x")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_no_such_entity_exception()
    );
    assert_eq!(code(iam.delete_role().role_name("x").send().await), "NoSuchEntity");
    assert_eq!(code(iam.list_role_policies().role_name("x").send().await), "NoSuchEntity");
    assert_eq!(code(iam.get_instance_profile().instance_profile_name("x").send().await), "NoSuchEntity");
    assert_eq!(
        code(iam.get_open_id_connect_provider().open_id_connect_provider_arn("x").send().await),
        "NoSuchEntity"
    );
    role(&iam, "r").await;
    iam.delete_role().role_name("r").send().await.unwrap();
    assert_eq!(code(iam.delete_role().role_name("r").send().await), "NoSuchEntity");
}

#[tokio::test(start_paused = true)]
async fn a_role_is_deleted_only_when_nothing_hangs_on_it() {
    let iam = account().iam();
    role(&iam, "r").await;
    iam.attach_role_policy().role_name("r").policy_arn(CLUSTER_POLICY).send().await.unwrap();
    iam.put_role_policy().role_name("r").policy_name("p").policy_document(READ).send().await.unwrap();
    iam.create_instance_profile().instance_profile_name("i").send().await.unwrap();
    iam.add_role_to_instance_profile().instance_profile_name("i").role_name("r").send().await.unwrap();

    let refused =
        || async { assert_eq!(code(iam.delete_role().role_name("r").send().await), "DeleteConflict") };
    refused().await;
    assert_eq!(code(iam.delete_instance_profile().instance_profile_name("i").send().await), "DeleteConflict");
    iam.remove_role_from_instance_profile().instance_profile_name("i").role_name("r").send().await.unwrap();
    refused().await;
    iam.detach_role_policy().role_name("r").policy_arn(CLUSTER_POLICY).send().await.unwrap();
    refused().await;
    iam.delete_role_policy().role_name("r").policy_name("p").send().await.unwrap();
    iam.delete_role().role_name("r").send().await.unwrap();
    iam.delete_instance_profile().instance_profile_name("i").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_leaves_nothing_behind() {
    let iam = account().iam();
    role(&iam, "r").await;
    iam.tag_role().role_name("r").tags(tag("old", "1")).send().await.unwrap();
    iam.delete_role().role_name("r").send().await.unwrap();
    let first_id = role(&iam, "r").await.role_id;
    assert!(iam.list_role_tags().role_name("r").send().await.unwrap().tags().is_empty());
    iam.delete_role().role_name("r").send().await.unwrap();
    assert_ne!(role(&iam, "r").await.role_id, first_id);
}

#[tokio::test(start_paused = true)]
async fn inline_policies_are_kept_and_checked() {
    let iam = account().iam();
    role(&iam, "r").await;
    let put = |document: &str| {
        iam.put_role_policy().role_name("r").policy_name("p").policy_document(document).send()
    };
    for wrong in ["", TRUST, r#"{"Statement":[{"Effect":"Allow","Action":"read","Resource":"*"}]}"#] {
        assert_eq!(code(put(wrong).await), "MalformedPolicyDocument", "{wrong}");
    }
    assert_eq!(
        code(put(&READ.replace("s3:Get*", &format!("s3:{}", "x".repeat(10_300)))).await),
        "LimitExceeded"
    );
    put(READ).await.unwrap();
    put(READ).await.unwrap();
    assert_eq!(iam.list_role_policies().role_name("r").send().await.unwrap().policy_names(), ["p"]);
    let read = iam.get_role_policy().role_name("r").policy_name("p").send().await.unwrap();
    assert_eq!(decoded(Some(read.policy_document())), READ);
    iam.delete_role_policy().role_name("r").policy_name("p").send().await.unwrap();
    assert_eq!(code(iam.get_role_policy().role_name("r").policy_name("p").send().await), "NoSuchEntity");
}

#[tokio::test(start_paused = true)]
async fn managed_policies_exist_and_attach_once() {
    let iam = account().iam();
    role(&iam, "r").await;
    let attach = |arn: &str| iam.attach_role_policy().role_name("r").policy_arn(arn).send();
    assert_eq!(code(attach("arn:aws:iam::aws:policy/NoSuchPolicy").await), "NoSuchEntity");
    assert_eq!(code(attach("arn:aws:iam::aws:policy/AmazonEBSCSIDriverPolicy").await), "NoSuchEntity");
    let driver = "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy";
    for arn in [CLUSTER_POLICY, driver, CLUSTER_POLICY] {
        attach(arn).await.unwrap();
    }
    let attached = iam.list_attached_role_policies().role_name("r").send().await.unwrap();
    let names: Vec<_> =
        attached.attached_policies().iter().filter_map(|policy| policy.policy_name()).collect();
    assert_eq!(names, ["AmazonEKSClusterPolicy", "AmazonEBSCSIDriverPolicy"]);
    let by_path =
        iam.list_attached_role_policies().role_name("r").path_prefix("/service-role/").send().await.unwrap();
    assert_eq!(by_path.attached_policies().len(), 1);
    iam.detach_role_policy().role_name("r").policy_arn(driver).send().await.unwrap();
    assert_eq!(code(iam.detach_role_policy().role_name("r").policy_arn(driver).send().await), "NoSuchEntity");
}

#[tokio::test(start_paused = true)]
async fn the_operators_role_is_there_before_us() {
    let aws = account();
    let role = aws.iam().get_role().role_name("infra").send().await.unwrap();
    let arn = role.role().unwrap().arn();
    assert_eq!(arn, "arn:aws:iam::123456789012:role/infra");
    assert_eq!(aws.with(|world| role_ready(world, arn, world.now)), RoleState::Ready);
}

#[tokio::test(start_paused = true)]
async fn an_instance_profile_holds_one_role() {
    let iam = account().iam();
    role(&iam, "a").await;
    role(&iam, "b").await;
    let create = || iam.create_instance_profile().instance_profile_name("nodes").tags(tag("k", "v")).send();
    create().await.unwrap();
    assert_eq!(code(create().await), "EntityAlreadyExists");
    let add = |role| iam.add_role_to_instance_profile().instance_profile_name("nodes").role_name(role).send();
    add("a").await.unwrap();
    assert_eq!(code(add("b").await), "LimitExceeded");
    let read = iam.get_instance_profile().instance_profile_name("nodes").send().await.unwrap();
    let profile = read.instance_profile().unwrap();
    assert_eq!(profile.roles()[0].role_name(), "a");
    assert_eq!(profile.tags(), [tag("k", "v")]);
    let of_a = iam.list_instance_profiles_for_role().role_name("a").send().await.unwrap();
    assert_eq!(of_a.instance_profiles()[0].instance_profile_name(), "nodes");
    assert!(
        iam.list_instance_profiles_for_role()
            .role_name("b")
            .send()
            .await
            .unwrap()
            .instance_profiles()
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn an_identity_provider_keeps_clients_thumbprints_and_tags() {
    let iam = account().iam();
    let issuer = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF";
    let thumbprint = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280";
    let create = || {
        iam.create_open_id_connect_provider()
            .url(issuer)
            .client_id_list("sts.amazonaws.com")
            .thumbprint_list(thumbprint)
            .tags(tag("k", "v"))
            .send()
    };
    let arn = create().await.unwrap().open_id_connect_provider_arn().unwrap().to_owned();
    assert_eq!(
        arn,
        "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF"
    );
    assert_eq!(code(create().await), "EntityAlreadyExists");
    let read = iam.get_open_id_connect_provider().open_id_connect_provider_arn(&arn).send().await.unwrap();
    assert_eq!(read.url(), issuer.strip_prefix("https://"));
    assert_eq!(read.client_id_list(), ["sts.amazonaws.com"]);
    assert_eq!(read.thumbprint_list(), [thumbprint]);
    assert_eq!(read.tags(), [tag("k", "v")]);
    let listed = iam.list_open_id_connect_providers().send().await.unwrap();
    assert_eq!(listed.open_id_connect_provider_list()[0].arn(), Some(arn.as_str()));
    for _ in 0..2 {
        iam.delete_open_id_connect_provider().open_id_connect_provider_arn(&arn).send().await.unwrap();
    }
    assert!(
        iam.list_open_id_connect_providers().send().await.unwrap().open_id_connect_provider_list().is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_role_is_assumable_only_after_some_seconds_and_by_whom_it_trusts() {
    let aws = account();
    let arn = role(&aws.iam(), "r").await.arn;
    let state = |arn: &str| aws.with(|world| role_ready(world, arn, world.now));
    assert_eq!(state("arn:aws:iam::123456789012:role/none"), RoleState::Missing);
    assert_eq!(state(&arn), RoleState::Propagating);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(state(&arn), RoleState::Ready);
    assert!(aws.with(|world| role_trusts(world, &arn, "eks.amazonaws.com")));
    assert!(!aws.with(|world| role_trusts(world, &arn, "ec2.amazonaws.com")));
}
