//! VPCs, subnets, internet gateways, addresses and NAT gateways.

use std::time::Duration;

use aws_sdk_ec2::types::{AttributeBooleanValue, NatGatewayState, NetworkInterfaceType, VpcAttributeName};

use super::{
    address, filter, instance, internet_gateway, load_balancer_interface, nat_gateway, pass, route_table,
    security_group, subnet, vpc,
};
use crate::aws::testing::{account, code};

#[tokio::test(start_paused = true)]
async fn a_region_starts_with_a_default_vpc_with_public_subnets() {
    let account = account();
    let ec2 = account.ec2();
    let vpcs = ec2.describe_vpcs().send().await.unwrap();
    assert_eq!(vpcs.vpcs().iter().map(|vpc| vpc.is_default()).collect::<Vec<_>>(), [Some(true)]);
    let subnets = ec2.describe_subnets().send().await.unwrap();
    assert_eq!(subnets.subnets().len(), 3);
    assert!(subnets.subnets().iter().all(|subnet| subnet.default_for_az() == Some(true)));
}

#[tokio::test(start_paused = true)]
async fn a_vpc_has_a_main_route_table_and_a_default_group_that_go_with_it() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    let tables = || ec2.describe_route_tables().filters(filter("vpc-id", &vpc)).send();
    let found = tables().await.unwrap();
    let [table] = found.route_tables() else { panic!("{found:?}") };
    assert_eq!(table.associations()[0].main(), Some(true));
    assert_eq!(table.routes()[0].gateway_id(), Some("local"));
    assert_eq!(table.routes()[0].destination_cidr_block(), Some("10.0.0.0/16"));
    let id = table.route_table_id().unwrap();
    assert_eq!(code(ec2.delete_route_table().route_table_id(id).send().await), "DependencyViolation");
    let groups = || ec2.describe_security_groups().filters(filter("vpc-id", &vpc)).send();
    let found = groups().await.unwrap();
    let [group] = found.security_groups() else { panic!("{found:?}") };
    assert_eq!(group.group_name(), Some("default"));
    let delete = ec2.delete_security_group().group_id(group.group_id().unwrap()).send().await;
    assert_eq!(code(delete), "CannotDelete");
    ec2.delete_vpc().vpc_id(&vpc).send().await.unwrap();
    assert!(tables().await.unwrap().route_tables().is_empty());
    assert!(groups().await.unwrap().security_groups().is_empty());
}

#[tokio::test(start_paused = true)]
async fn attributes_of_a_vpc_are_changed_one_at_a_time() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    let yes = AttributeBooleanValue::builder().value(true).build();
    let read =
        || ec2.describe_vpc_attribute().vpc_id(&vpc).attribute(VpcAttributeName::EnableDnsHostnames).send();
    let is_set = |flag: Option<&AttributeBooleanValue>| flag.and_then(|flag| flag.value());
    assert_eq!(is_set(read().await.unwrap().enable_dns_hostnames()), Some(false));
    let both = ec2.modify_vpc_attribute().vpc_id(&vpc).enable_dns_hostnames(yes.clone());
    let both = both.enable_dns_support(yes.clone()).send().await;
    assert_eq!(code(both), "InvalidParameterCombination");
    ec2.modify_vpc_attribute().vpc_id(&vpc).enable_dns_hostnames(yes).send().await.unwrap();
    assert_eq!(is_set(read().await.unwrap().enable_dns_hostnames()), Some(true));
}

#[tokio::test(start_paused = true)]
async fn subnets_lie_in_their_vpc_and_do_not_overlap() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    let create = |vpc: &str, cidr: &str, zone: &str| {
        ec2.create_subnet().vpc_id(vpc).cidr_block(cidr).availability_zone(zone).send()
    };
    let made = create(&vpc, "10.0.0.0/24", "eu-west-1b").await.unwrap();
    let made = made.subnet().unwrap();
    let id = made.subnet_id().unwrap();
    assert_eq!(made.subnet_arn().unwrap(), format!("arn:aws:ec2:eu-west-1:123456789012:subnet/{id}"));
    assert_eq!(made.availability_zone_id(), Some("euw1-az2"));
    assert_eq!(made.available_ip_address_count(), Some(251));
    assert_eq!(made.map_public_ip_on_launch(), Some(false));
    for (cidr, zone, expected) in [
        ("10.0.0.128/25", "eu-west-1a", "InvalidSubnet.Conflict"),
        ("10.0.0.0/23", "eu-west-1a", "InvalidSubnet.Conflict"),
        ("10.1.0.0/24", "eu-west-1a", "InvalidSubnet.Range"),
        ("10.0.9.0/29", "eu-west-1a", "InvalidSubnet.Range"),
        ("10.0.9.0/24", "us-east-1a", "InvalidParameterValue"),
        ("10.0.9/24", "eu-west-1a", "InvalidParameterValue"),
    ] {
        assert_eq!(code(create(&vpc, cidr, zone).await), expected, "{cidr} {zone}");
    }
    assert_eq!(code(create("vpc-0", "10.0.9.0/24", "eu-west-1a").await), "InvalidVpcID.NotFound");
    let yes = AttributeBooleanValue::builder().value(true).build();
    ec2.modify_subnet_attribute().subnet_id(id).map_public_ip_on_launch(yes).send().await.unwrap();
    let found = ec2.describe_subnets().subnet_ids(id).send().await.unwrap();
    assert_eq!(found.subnets()[0].map_public_ip_on_launch(), Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_vpc_takes_16_to_28_bits_and_a_region_five_vpcs() {
    let account = account();
    let ec2 = account.ec2();
    let create = |cidr: &str| ec2.create_vpc().cidr_block(cidr).send();
    assert_eq!(code(create("10.0.0.0/15").await), "InvalidVpc.Range");
    assert_eq!(code(create("10.0.0.0/29").await), "InvalidVpc.Range");
    assert_eq!(code(create("ten").await), "InvalidParameterValue");
    for second in 0..4 {
        vpc(&ec2, &format!("10.{second}.0.0/16")).await;
    }
    assert_eq!(code(create("10.9.0.0/16").await), "VpcLimitExceeded");
}

#[tokio::test(start_paused = true)]
async fn an_internet_gateway_is_attached_once() {
    let account = account();
    let ec2 = account.ec2();
    let (one, two) = (vpc(&ec2, "10.1.0.0/16").await, vpc(&ec2, "10.2.0.0/16").await);
    let gateway = internet_gateway(&ec2, &one).await;
    let attach = |vpc: &str| ec2.attach_internet_gateway().internet_gateway_id(&gateway).vpc_id(vpc).send();
    assert_eq!(code(attach(&one).await), "Resource.AlreadyAssociated");
    assert_eq!(code(attach(&two).await), "Resource.AlreadyAssociated");
    let detach = |vpc: &str| ec2.detach_internet_gateway().internet_gateway_id(&gateway).vpc_id(vpc).send();
    assert_eq!(code(detach(&two).await), "Gateway.NotAttached");
    let delete = || ec2.delete_internet_gateway().internet_gateway_id(&gateway).send();
    assert_eq!(code(delete().await), "DependencyViolation");
    detach(&one).await.unwrap();
    delete().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_internet_gateway_stays_while_public_addresses_are_mapped() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    let gateway = internet_gateway(&ec2, &vpc).await;
    let subnet = subnet(&ec2, &vpc, "10.0.0.0/24", "eu-west-1a").await;
    let nat = nat_gateway(&ec2, &subnet, &address(&ec2).await).await;
    let detach = || ec2.detach_internet_gateway().internet_gateway_id(&gateway).vpc_id(&vpc).send();
    assert_eq!(code(detach().await), "DependencyViolation");
    ec2.delete_nat_gateway().nat_gateway_id(&nat).send().await.unwrap();
    assert_eq!(code(detach().await), "DependencyViolation");
    pass(Duration::from_secs(120)).await;
    detach().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_nat_gateway_passes_through_its_states_and_frees_its_address_at_the_end() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    internet_gateway(&ec2, &vpc).await;
    let subnet = subnet(&ec2, &vpc, "10.0.0.0/24", "eu-west-1a").await;
    let address = address(&ec2).await;
    let nat = nat_gateway(&ec2, &subnet, &address).await;
    let look = async || {
        let found = ec2.describe_nat_gateways().nat_gateway_ids(&nat).send().await.unwrap();
        found.nat_gateways()[0].clone()
    };
    let release = || ec2.release_address().allocation_id(&address).send();
    assert_eq!(look().await.state(), Some(&NatGatewayState::Pending));
    pass(Duration::from_secs(120)).await;
    let seen = look().await;
    assert_eq!(seen.state(), Some(&NatGatewayState::Available));
    let held = &seen.nat_gateway_addresses()[0];
    assert_eq!(held.allocation_id(), Some(&*address));
    assert!(held.public_ip().is_some() && held.association_id().is_some());
    let interfaces =
        ec2.describe_network_interfaces().filters(filter("subnet-id", &subnet)).send().await.unwrap();
    let [interface] = interfaces.network_interfaces() else { panic!("{interfaces:?}") };
    assert_eq!(interface.interface_type(), Some(&NetworkInterfaceType::NatGateway));
    assert_eq!(interface.association().and_then(|mapped| mapped.allocation_id()), Some(&*address));
    assert_eq!(code(release().await), "AuthFailure");
    ec2.delete_nat_gateway().nat_gateway_id(&nat).send().await.unwrap();
    assert_eq!(look().await.state(), Some(&NatGatewayState::Deleting));
    assert_eq!(code(release().await), "AuthFailure");
    pass(Duration::from_secs(120)).await;
    assert_eq!(look().await.state(), Some(&NatGatewayState::Deleted));
    release().await.unwrap();
    pass(Duration::from_secs(3600)).await;
    assert_eq!(code(ec2.describe_nat_gateways().nat_gateway_ids(&nat).send().await), "NatGatewayNotFound");
}

#[tokio::test(start_paused = true)]
async fn a_public_nat_gateway_fails_without_an_internet_gateway() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    let subnet = subnet(&ec2, &vpc, "10.0.0.0/24", "eu-west-1a").await;
    let nat = nat_gateway(&ec2, &subnet, &address(&ec2).await).await;
    pass(Duration::from_secs(60)).await;
    let found = ec2.describe_nat_gateways().nat_gateway_ids(&nat).send().await.unwrap();
    assert_eq!(found.nat_gateways()[0].state(), Some(&NatGatewayState::Failed));
    assert_eq!(found.nat_gateways()[0].failure_code(), Some("Gateway.NotAttached"));
}

#[tokio::test(start_paused = true)]
async fn a_nat_gateway_with_an_address_in_use_fails() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    internet_gateway(&ec2, &vpc).await;
    let subnet = subnet(&ec2, &vpc, "10.0.0.0/24", "eu-west-1a").await;
    let address = address(&ec2).await;
    nat_gateway(&ec2, &subnet, &address).await;
    let second = nat_gateway(&ec2, &subnet, &address).await;
    pass(Duration::from_secs(60)).await;
    let found = ec2.describe_nat_gateways().filter(filter("state", "failed")).send().await.unwrap();
    let [failed] = found.nat_gateways() else { panic!("{found:?}") };
    assert_eq!(failed.nat_gateway_id(), Some(&*second));
    assert_eq!(failed.failure_code(), Some("Resource.AlreadyAssociated"));
    let unknown = ec2.create_nat_gateway().subnet_id(&subnet).allocation_id("eipalloc-0").send().await;
    assert_eq!(code(unknown), "InvalidAllocationID.NotFound");
}

#[tokio::test(start_paused = true)]
async fn a_region_gives_five_addresses() {
    let account = account();
    let ec2 = account.ec2();
    for _ in 0..5 {
        address(&ec2).await;
    }
    assert_eq!(code(ec2.allocate_address().send().await), "AddressLimitExceeded");
}

#[tokio::test(start_paused = true)]
async fn a_subnet_stays_while_it_has_interfaces() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    let subnet = subnet(&ec2, &vpc, "10.0.0.0/24", "eu-west-1a").await;
    let interface = load_balancer_interface(&account, &subnet, &[]);
    assert_eq!(code(ec2.delete_subnet().subnet_id(&subnet).send().await), "DependencyViolation");
    let found = ec2.describe_subnets().subnet_ids(&subnet).send().await.unwrap();
    assert_eq!(found.subnets()[0].available_ip_address_count(), Some(250));
    let delete = ec2.delete_network_interface().network_interface_id(&interface).send().await;
    assert_eq!(code(delete), "AuthFailure");
    account.with(|world| crate::aws::ec2::remove_interface(world, &interface));
    ec2.delete_subnet().subnet_id(&subnet).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_vpc_stays_while_anything_is_in_it() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    let refused = async || code(ec2.delete_vpc().vpc_id(&vpc).send().await);
    let subnet = subnet(&ec2, &vpc, "10.0.0.0/24", "eu-west-1a").await;
    assert_eq!(refused().await, "DependencyViolation");
    ec2.delete_subnet().subnet_id(subnet).send().await.unwrap();
    let gateway = internet_gateway(&ec2, &vpc).await;
    assert_eq!(refused().await, "DependencyViolation");
    ec2.detach_internet_gateway().internet_gateway_id(gateway).vpc_id(&vpc).send().await.unwrap();
    let table = route_table(&ec2, &vpc).await;
    assert_eq!(refused().await, "DependencyViolation");
    ec2.delete_route_table().route_table_id(table).send().await.unwrap();
    let group = security_group(&ec2, &vpc, "nodes").await;
    assert_eq!(refused().await, "DependencyViolation");
    ec2.delete_security_group().group_id(group).send().await.unwrap();
    ec2.delete_vpc().vpc_id(&vpc).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn instances_of_a_public_subnet_get_public_addresses() {
    let account = account();
    let ec2 = account.ec2();
    let subnets = ec2.describe_subnets().send().await.unwrap();
    let id = instance(&account, subnets.subnets()[0].subnet_id().unwrap(), &[]);
    let found = ec2.describe_instances().instance_ids(id).send().await.unwrap();
    assert!(found.reservations()[0].instances()[0].public_ip_address().is_some());
}
