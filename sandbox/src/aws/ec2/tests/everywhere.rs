//! What holds for all kinds: tags, filters, unknown ids, pages, client tokens, dry runs.

use std::time::Duration;

use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};

use super::{address, filter, internet_gateway, named, nat_gateway, pass, subnet, vpc};
use crate::aws::testing::{account, account_in, code, faulty_account, kept_account};

#[tokio::test(start_paused = true)]
async fn tags_given_at_creation_are_in_the_answer_and_in_filters() {
    let account = account();
    let ec2 = account.ec2();
    let specification = named(ResourceType::Vpc, "platform");
    let made =
        ec2.create_vpc().cidr_block("10.0.0.0/16").tag_specifications(specification).send().await.unwrap();
    let made = made.vpc().unwrap();
    assert_eq!(made.tags()[0].value(), Some("platform"));
    vpc(&ec2, "10.1.0.0/16").await;
    for (name, value) in
        [("tag:Name", "platform"), ("tag:Name", "plat*"), ("tag:Name", "platfor?"), ("tag-key", "Name")]
    {
        let found = ec2.describe_vpcs().filters(filter(name, value)).send().await.unwrap();
        let ids: Vec<_> = found.vpcs().iter().map(|vpc| vpc.vpc_id()).collect();
        assert_eq!(ids, [made.vpc_id()], "{name} {value}");
    }
    let none = ec2.describe_vpcs().filters(filter("tag:Name", "Platform")).send().await.unwrap();
    assert!(none.vpcs().is_empty());
}

#[tokio::test(start_paused = true)]
async fn tags_of_another_kind_or_of_aws_are_refused() {
    let account = account();
    let ec2 = account.ec2();
    let create =
        |tags: TagSpecification| ec2.create_vpc().cidr_block("10.0.0.0/16").tag_specifications(tags).send();
    assert_eq!(code(create(named(ResourceType::Subnet, "a")).await), "InvalidParameterValue");
    let reserved = Tag::builder().key("aws:owner").value("me").build();
    let reserved = TagSpecification::builder().resource_type(ResourceType::Vpc).tags(reserved).build();
    assert_eq!(code(create(reserved).await), "InvalidParameterValue");
    assert_eq!(ec2.describe_vpcs().send().await.unwrap().vpcs().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn filters_all_hold_and_their_values_are_alternatives() {
    let account = account();
    let ec2 = account.ec2();
    let (one, two) = (vpc(&ec2, "10.1.0.0/16").await, vpc(&ec2, "10.2.0.0/16").await);
    let either = aws_sdk_ec2::types::Filter::builder().name("vpc-id").values(&one).values(&two).build();
    let found = ec2.describe_vpcs().filters(either.clone()).send().await.unwrap();
    assert_eq!(found.vpcs().len(), 2);
    let found = ec2.describe_vpcs().filters(either).filters(filter("cidr", "10.2.*")).send().await.unwrap();
    assert_eq!(found.vpcs().iter().map(|vpc| vpc.vpc_id().unwrap()).collect::<Vec<_>>(), [two]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_filter_name_is_invalid() {
    let account = account();
    let ec2 = account.ec2();
    let colour = filter("colour", "red");
    assert_eq!(code(ec2.describe_vpcs().filters(colour.clone()).send().await), "InvalidParameterValue");
    assert_eq!(
        code(ec2.describe_nat_gateways().filter(colour.clone()).send().await),
        "InvalidParameterValue"
    );
    assert_eq!(code(ec2.describe_volumes().filters(colour).send().await), "InvalidParameterValue");
}

#[tokio::test(start_paused = true)]
async fn unknown_ids_give_the_not_found_code_of_their_kind() {
    let account = account();
    let ec2 = account.ec2();
    let id = "x-0123456789abcdef0";
    let codes = [
        code(ec2.delete_vpc().vpc_id(id).send().await),
        code(ec2.delete_subnet().subnet_id(id).send().await),
        code(ec2.delete_internet_gateway().internet_gateway_id(id).send().await),
        code(ec2.delete_nat_gateway().nat_gateway_id(id).send().await),
        code(ec2.delete_route_table().route_table_id(id).send().await),
        code(ec2.release_address().allocation_id(id).send().await),
        code(ec2.delete_security_group().group_id(id).send().await),
        code(ec2.describe_security_group_rules().security_group_rule_ids(id).send().await),
        code(ec2.delete_network_interface().network_interface_id(id).send().await),
        code(ec2.delete_launch_template().launch_template_id(id).send().await),
        code(ec2.terminate_instances().instance_ids(id).send().await),
        code(ec2.delete_volume().volume_id(id).send().await),
        code(ec2.describe_vpc_endpoints().vpc_endpoint_ids(id).send().await),
        code(ec2.describe_vpcs().vpc_ids(id).send().await),
        code(ec2.create_tags().resources("vpc-0").tags(Tag::builder().key("a").build()).send().await),
    ];
    let expected = [
        "InvalidVpcID.NotFound",
        "InvalidSubnetID.NotFound",
        "InvalidInternetGatewayID.NotFound",
        "NatGatewayNotFound",
        "InvalidRouteTableID.NotFound",
        "InvalidAllocationID.NotFound",
        "InvalidGroup.NotFound",
        "InvalidSecurityGroupRuleId.NotFound",
        "InvalidNetworkInterfaceID.NotFound",
        "InvalidLaunchTemplateId.NotFound",
        "InvalidInstanceID.NotFound",
        "InvalidVolume.NotFound",
        "InvalidVpcEndpointId.NotFound",
        "InvalidVpcID.NotFound",
        "InvalidVpcID.NotFound",
    ];
    assert_eq!(codes, expected);
}

#[tokio::test(start_paused = true)]
async fn a_second_delete_finds_nothing() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    ec2.delete_vpc().vpc_id(&vpc).send().await.unwrap();
    assert_eq!(code(ec2.delete_vpc().vpc_id(&vpc).send().await), "InvalidVpcID.NotFound");
}

#[tokio::test(start_paused = true)]
async fn lists_come_in_pages() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    for third in 0..7 {
        subnet(&ec2, &vpc, &format!("10.0.{third}.0/24"), "eu-west-1a").await;
    }
    let list = || ec2.describe_subnets().filters(filter("vpc-id", &vpc)).max_results(5);
    let first = list().send().await.unwrap();
    assert_eq!(first.subnets().len(), 5);
    let second = list().next_token(first.next_token().unwrap()).send().await.unwrap();
    assert_eq!((second.subnets().len(), second.next_token()), (2, None));
    let all: Result<Vec<_>, _> = list().into_paginator().items().send().collect().await;
    assert_eq!(all.unwrap().len(), 7);
}

#[tokio::test(start_paused = true)]
async fn the_same_client_token_gives_the_same_thing() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    internet_gateway(&ec2, &vpc).await;
    let subnet = subnet(&ec2, &vpc, "10.0.0.0/24", "eu-west-1a").await;
    let (one, two) = (address(&ec2).await, address(&ec2).await);
    let create = |address: &str| {
        ec2.create_nat_gateway().subnet_id(&subnet).allocation_id(address).client_token("token").send()
    };
    let first = create(&one).await.unwrap();
    let again = create(&one).await.unwrap();
    let id = |output: &aws_sdk_ec2::operation::create_nat_gateway::CreateNatGatewayOutput| {
        output.nat_gateway().unwrap().nat_gateway_id().unwrap().to_owned()
    };
    assert_eq!(id(&first), id(&again));
    assert_eq!(code(create(&two).await), "IdempotentParameterMismatch");
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_leaves_no_tag_behind() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    let gateway = internet_gateway(&ec2, &vpc).await;
    let subnet = subnet(&ec2, &vpc, "10.0.0.0/24", "eu-west-1a").await;
    let address = address(&ec2).await;
    let nat = nat_gateway(&ec2, &subnet, &address).await;
    let mut tagging = ec2.create_tags().tags(Tag::builder().key("owner").value("us").build());
    for id in [&vpc, &gateway, &subnet, &address, &nat] {
        tagging = tagging.resources(id);
    }
    tagging.send().await.unwrap();
    let tags = || ec2.describe_tags().filters(filter("key", "owner")).send();
    assert_eq!(tags().await.unwrap().tags().len(), 5);
    ec2.delete_nat_gateway().nat_gateway_id(&nat).send().await.unwrap();
    pass(Duration::from_secs(2 * 3600)).await;
    ec2.release_address().allocation_id(&address).send().await.unwrap();
    ec2.delete_subnet().subnet_id(&subnet).send().await.unwrap();
    ec2.detach_internet_gateway().internet_gateway_id(&gateway).vpc_id(&vpc).send().await.unwrap();
    ec2.delete_internet_gateway().internet_gateway_id(&gateway).send().await.unwrap();
    ec2.delete_vpc().vpc_id(&vpc).send().await.unwrap();
    assert_eq!(tags().await.unwrap().tags(), []);
    let groups = ec2.describe_security_groups().filters(filter("vpc-id", &vpc)).send().await.unwrap();
    let tables = ec2.describe_route_tables().filters(filter("vpc-id", &vpc)).send().await.unwrap();
    assert!(groups.security_groups().is_empty() && tables.route_tables().is_empty());
}

#[tokio::test(start_paused = true)]
async fn tags_are_added_changed_and_removed() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    let add = |tag: Tag| ec2.create_tags().resources(&vpc).tags(tag).send();
    add(tag("a", "1")).await.unwrap();
    add(tag("a", "2")).await.unwrap();
    add(tag("b", "1")).await.unwrap();
    assert_eq!(code(add(tag("aws:c", "1")).await), "InvalidParameterValue");
    ec2.delete_tags().resources(&vpc).tags(tag("a", "1")).send().await.unwrap();
    ec2.delete_tags().resources(&vpc).tags(Tag::builder().key("b").build()).send().await.unwrap();
    let found = ec2.describe_vpcs().vpc_ids(&vpc).send().await.unwrap();
    assert_eq!(found.vpcs()[0].tags(), [tag("a", "2")]);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_says_so_and_does_nothing() {
    let account = account();
    let ec2 = account.ec2();
    let run = ec2.create_vpc().cidr_block("10.0.0.0/16").dry_run(true).send().await;
    assert_eq!(code(run), "DryRunOperation");
    assert_eq!(ec2.describe_vpcs().send().await.unwrap().vpcs().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn zones_are_those_of_the_region() {
    for (region, names, ids) in [
        ("eu-west-1", "eu-west-1a eu-west-1b eu-west-1c", "euw1-az1 euw1-az2 euw1-az3"),
        ("us-west-2", "us-west-2a us-west-2b us-west-2c us-west-2d", "usw2-az2 usw2-az1 usw2-az3 usw2-az4"),
    ] {
        let account = account_in(region);
        let answer = account.ec2().describe_availability_zones().send().await.unwrap();
        let zones = answer.availability_zones();
        let seen: Vec<_> = zones.iter().filter_map(|zone| zone.zone_name()).collect();
        assert_eq!(seen.join(" "), names);
        let seen: Vec<_> = zones.iter().filter_map(|zone| zone.zone_id()).collect();
        assert_eq!(seen.join(" "), ids);
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_whose_answer_was_lost_is_allocated_twice_by_a_client_that_retries() {
    let account = faulty_account(&["AllocateAddress:lose-answer@1"]);
    let ec2 = account.ec2();
    address(&ec2).await;
    assert_eq!(ec2.describe_addresses().send().await.unwrap().addresses().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_has_a_client_token_is_made_once_though_its_answer_was_lost() {
    let account = faulty_account(&["CreateNatGateway:lose-answer@1"]);
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    internet_gateway(&ec2, &vpc).await;
    let subnet = subnet(&ec2, &vpc, "10.0.0.0/24", "eu-west-1a").await;
    nat_gateway(&ec2, &subnet, &address(&ec2).await).await;
    assert_eq!(ec2.describe_nat_gateways().send().await.unwrap().nat_gateways().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_world_goes_on_where_its_process_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let nat = {
        let account = kept_account(folder.path(), &["DescribeNatGateways:stop-before@2"]);
        let ec2 = account.ec2();
        let vpc = vpc(&ec2, "10.0.0.0/16").await;
        internet_gateway(&ec2, &vpc).await;
        let subnet = subnet(&ec2, &vpc, "10.0.0.0/24", "eu-west-1a").await;
        let nat = nat_gateway(&ec2, &subnet, &address(&ec2).await).await;
        ec2.describe_nat_gateways().send().await.unwrap();
        assert!(ec2.describe_nat_gateways().send().await.is_err());
        nat
    };
    let account = kept_account(folder.path(), &[]);
    let state = async || {
        let found = account.ec2().describe_nat_gateways().nat_gateway_ids(&nat).send().await.unwrap();
        found.nat_gateways()[0].state().unwrap().to_string()
    };
    assert_eq!(state().await, "pending");
    pass(Duration::from_secs(120)).await;
    assert_eq!(state().await, "available");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_stops_leaves_the_world_before_or_after_a_call() {
    for (rule, vpcs) in [("CreateVpc:stop-before", 1), ("CreateVpc:stop-after", 2)] {
        let folder = tempfile::tempdir().unwrap();
        let stopped = kept_account(folder.path(), &[rule]);
        assert!(stopped.ec2().create_vpc().cidr_block("10.0.0.0/16").send().await.is_err());
        assert!(stopped.is_stopped());
        drop(stopped);
        let account = kept_account(folder.path(), &[]);
        assert_eq!(account.ec2().describe_vpcs().send().await.unwrap().vpcs().len(), vpcs, "{rule}");
    }
}
