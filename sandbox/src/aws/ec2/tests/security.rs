//! Security groups and their rules.

use aws_sdk_ec2::types::{
    IpPermission, IpRange, ResourceType, SecurityGroupRuleRequest, SecurityGroupRuleUpdate, UserIdGroupPair,
};

use super::{filter, load_balancer_interface, named, security_group, subnet, vpc};
use crate::aws::testing::{account, code};

fn tcp(port: i32, cidr: &str) -> IpPermission {
    let permission = IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port);
    permission.ip_ranges(IpRange::builder().cidr_ip(cidr).build()).build()
}

fn all_from(group: &str) -> IpPermission {
    let pair = UserIdGroupPair::builder().group_id(group).build();
    IpPermission::builder().ip_protocol("-1").user_id_group_pairs(pair).build()
}

#[tokio::test(start_paused = true)]
async fn names_are_unique_in_a_vpc() {
    let account = account();
    let ec2 = account.ec2();
    let (one, two) = (vpc(&ec2, "10.1.0.0/16").await, vpc(&ec2, "10.2.0.0/16").await);
    security_group(&ec2, &one, "nodes").await;
    security_group(&ec2, &two, "nodes").await;
    let create = |name: &str, text: &str| {
        ec2.create_security_group().vpc_id(&one).group_name(name).description(text).send()
    };
    assert_eq!(code(create("nodes", "again").await), "InvalidGroup.Duplicate");
    assert_eq!(code(create("sg-nodes", "a name").await), "InvalidParameterValue");
    assert_eq!(code(create("other", "it's <not> allowed").await), "InvalidParameterValue");
}

#[tokio::test(start_paused = true)]
async fn a_new_group_lets_everything_out_and_nothing_in() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    let group = security_group(&ec2, &vpc, "nodes").await;
    let found = ec2.describe_security_groups().group_ids(&group).send().await.unwrap();
    let found = &found.security_groups()[0];
    assert_eq!(found.ip_permissions(), []);
    let [out] = found.ip_permissions_egress() else { panic!("{found:?}") };
    assert_eq!((out.ip_protocol(), out.ip_ranges()[0].cidr_ip()), (Some("-1"), Some("0.0.0.0/0")));
    assert_eq!((out.from_port(), out.to_port()), (None, None));
    let rules = ec2.describe_security_group_rules().filters(filter("group-id", &group)).send().await.unwrap();
    let [rule] = rules.security_group_rules() else { panic!("{rules:?}") };
    assert_eq!((rule.is_egress(), rule.from_port(), rule.to_port()), (Some(true), Some(-1), Some(-1)));
}

#[tokio::test(start_paused = true)]
async fn rules_have_ids_and_tags_and_are_there_once() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    let group = security_group(&ec2, &vpc, "nodes").await;
    let allow = |permission: IpPermission| {
        let request = ec2.authorize_security_group_ingress().group_id(&group).ip_permissions(permission);
        request.tag_specifications(named(ResourceType::SecurityGroupRule, "web")).send()
    };
    let made = allow(tcp(443, "192.0.2.0/24")).await.unwrap();
    let [rule] = made.security_group_rules() else { panic!("{made:?}") };
    assert!(rule.security_group_rule_id().unwrap().starts_with("sgr-"));
    assert_eq!(rule.tags()[0].value(), Some("web"));
    assert_eq!(code(allow(tcp(443, "192.0.2.0/24")).await), "InvalidPermission.Duplicate");
    assert_eq!(code(allow(tcp(70000, "192.0.2.0/24")).await), "InvalidParameterValue");
    assert_eq!(code(allow(all_from("sg-0")).await), "InvalidGroup.NotFound");
    allow(tcp(443, "198.51.100.0/24")).await.unwrap();
    let found = ec2.describe_security_groups().group_ids(&group).send().await.unwrap();
    let [together] = found.security_groups()[0].ip_permissions() else { panic!("{found:?}") };
    assert_eq!(together.ip_ranges().len(), 2);
    let by_tag = ec2.describe_security_group_rules().filters(filter("tag:Name", "web")).send().await.unwrap();
    assert_eq!(by_tag.security_group_rules().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn rules_are_revoked_by_id_or_by_what_they_say() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    let group = security_group(&ec2, &vpc, "nodes").await;
    let allow = |permission: IpPermission| {
        ec2.authorize_security_group_ingress().group_id(&group).ip_permissions(permission).send()
    };
    let made = allow(tcp(443, "192.0.2.0/24")).await.unwrap();
    let id = made.security_group_rules()[0].security_group_rule_id().unwrap();
    let revoke = || ec2.revoke_security_group_ingress().group_id(&group);
    revoke().security_group_rule_ids(id).send().await.unwrap();
    let again = revoke().security_group_rule_ids(id).send().await;
    assert_eq!(code(again), "InvalidSecurityGroupRuleId.NotFound");
    allow(tcp(80, "192.0.2.0/24")).await.unwrap();
    revoke().ip_permissions(tcp(80, "192.0.2.0/24")).send().await.unwrap();
    let again = revoke().ip_permissions(tcp(80, "192.0.2.0/24")).send().await;
    assert_eq!(code(again), "InvalidPermission.NotFound");
    let open =
        IpPermission::builder().ip_protocol("-1").ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").build());
    let egress = ec2.revoke_security_group_egress().group_id(&group).ip_permissions(open.build());
    egress.send().await.unwrap();
    let rules = ec2.describe_security_group_rules().filters(filter("group-id", &group)).send().await.unwrap();
    assert_eq!(rules.security_group_rules(), []);
}

#[tokio::test(start_paused = true)]
async fn a_rule_is_modified_in_place() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    let group = security_group(&ec2, &vpc, "nodes").await;
    let allow =
        ec2.authorize_security_group_ingress().group_id(&group).ip_permissions(tcp(443, "192.0.2.0/24"));
    let made = allow.send().await.unwrap();
    let id = made.security_group_rules()[0].security_group_rule_id().unwrap();
    let change = SecurityGroupRuleRequest::builder().ip_protocol("tcp").from_port(8443).to_port(8443);
    let change = change.cidr_ipv4("198.51.100.0/24").description("new").build();
    let update =
        SecurityGroupRuleUpdate::builder().security_group_rule_id(id).security_group_rule(change).build();
    ec2.modify_security_group_rules().group_id(&group).security_group_rules(update).send().await.unwrap();
    let found = ec2.describe_security_group_rules().security_group_rule_ids(id).send().await.unwrap();
    let rule = &found.security_group_rules()[0];
    assert_eq!((rule.from_port(), rule.cidr_ipv4()), (Some(8443), Some("198.51.100.0/24")));
    assert_eq!(rule.description(), Some("new"));
}

#[tokio::test(start_paused = true)]
async fn a_group_stays_while_an_interface_or_the_rule_of_another_group_uses_it() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    let (nodes, balancer) =
        (security_group(&ec2, &vpc, "nodes").await, security_group(&ec2, &vpc, "edge").await);
    let allow = |from: &str| {
        ec2.authorize_security_group_ingress().group_id(&nodes).ip_permissions(all_from(from)).send()
    };
    allow(&nodes).await.unwrap();
    allow(&balancer).await.unwrap();
    let delete = |group: &str| ec2.delete_security_group().group_id(group).send();
    assert_eq!(code(delete(&balancer).await), "DependencyViolation");
    let subnet = subnet(&ec2, &vpc, "10.0.0.0/24", "eu-west-1a").await;
    let interface = load_balancer_interface(&account, &subnet, &[&nodes]);
    assert_eq!(code(delete(&nodes).await), "DependencyViolation");
    account.with(|world| crate::aws::ec2::remove_interface(world, &interface));
    delete(&nodes).await.unwrap();
    delete(&balancer).await.unwrap();
    let rules = ec2.describe_security_group_rules().filters(filter("group-id", &nodes)).send().await.unwrap();
    assert_eq!(rules.security_group_rules(), []);
}
