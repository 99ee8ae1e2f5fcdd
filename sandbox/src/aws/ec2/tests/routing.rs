//! Routes, route tables and their associations.

use std::time::Duration;

use super::{address, filter, internet_gateway, nat_gateway, pass, route_table, subnet, vpc};
use crate::aws::testing::{account, code};

#[tokio::test(start_paused = true)]
async fn a_route_is_made_once_and_replaced() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    let gateway = internet_gateway(&ec2, &vpc).await;
    let subnet = subnet(&ec2, &vpc, "10.0.0.0/24", "eu-west-1a").await;
    let nat = nat_gateway(&ec2, &subnet, &address(&ec2).await).await;
    let table = route_table(&ec2, &vpc).await;
    let create = |cidr: &str| {
        ec2.create_route().route_table_id(&table).destination_cidr_block(cidr).gateway_id(&gateway).send()
    };
    create("0.0.0.0/0").await.unwrap();
    assert_eq!(code(create("0.0.0.0/0").await), "RouteAlreadyExists");
    assert_eq!(code(create("10.0.0.0/16").await), "InvalidParameterValue");
    let replace = |cidr: &str| {
        ec2.replace_route().route_table_id(&table).destination_cidr_block(cidr).nat_gateway_id(&nat).send()
    };
    assert_eq!(code(replace("192.0.2.0/24").await), "InvalidRoute.NotFound");
    replace("0.0.0.0/0").await.unwrap();
    let tables =
        ec2.describe_route_tables().filters(filter("route.nat-gateway-id", &nat)).send().await.unwrap();
    assert_eq!(tables.route_tables()[0].route_table_id(), Some(&*table));
    let delete = || ec2.delete_route().route_table_id(&table).destination_cidr_block("0.0.0.0/0").send();
    delete().await.unwrap();
    assert_eq!(code(delete().await), "InvalidRoute.NotFound");
}

#[tokio::test(start_paused = true)]
async fn a_route_needs_a_target_of_its_own_network() {
    let account = account();
    let ec2 = account.ec2();
    let (one, two) = (vpc(&ec2, "10.1.0.0/16").await, vpc(&ec2, "10.2.0.0/16").await);
    let gateway = internet_gateway(&ec2, &two).await;
    let table = route_table(&ec2, &one).await;
    let route = || ec2.create_route().route_table_id(&table).destination_cidr_block("0.0.0.0/0");
    assert_eq!(code(route().gateway_id(gateway).send().await), "InvalidParameterValue");
    assert_eq!(code(route().gateway_id("igw-0").send().await), "InvalidGatewayID.NotFound");
    assert_eq!(code(route().nat_gateway_id("nat-0").send().await), "InvalidNatGatewayID.NotFound");
    assert_eq!(code(route().send().await), "MissingParameter");
}

#[tokio::test(start_paused = true)]
async fn a_route_whose_target_is_gone_is_a_blackhole() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    internet_gateway(&ec2, &vpc).await;
    let subnet = subnet(&ec2, &vpc, "10.0.0.0/24", "eu-west-1a").await;
    let nat = nat_gateway(&ec2, &subnet, &address(&ec2).await).await;
    let table = route_table(&ec2, &vpc).await;
    let route = ec2.create_route().route_table_id(&table).destination_cidr_block("0.0.0.0/0");
    route.nat_gateway_id(&nat).send().await.unwrap();
    let state = async || {
        let found = ec2.describe_route_tables().route_table_ids(&table).send().await.unwrap();
        found.route_tables()[0].routes()[1].state().unwrap().to_string()
    };
    assert_eq!(state().await, "active");
    ec2.delete_nat_gateway().nat_gateway_id(&nat).send().await.unwrap();
    pass(Duration::from_secs(120)).await;
    assert_eq!(state().await, "blackhole");
}

#[tokio::test(start_paused = true)]
async fn a_subnet_is_associated_with_one_table() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    let subnet = subnet(&ec2, &vpc, "10.0.0.0/24", "eu-west-1a").await;
    let (one, two) = (route_table(&ec2, &vpc).await, route_table(&ec2, &vpc).await);
    let associate = |table: &str| ec2.associate_route_table().route_table_id(table).subnet_id(&subnet).send();
    let association = associate(&one).await.unwrap().association_id().unwrap().to_owned();
    assert_eq!(associate(&one).await.unwrap().association_id(), Some(&*association));
    assert_eq!(code(associate(&two).await), "Resource.AlreadyAssociated");
    let delete = |table: &str| ec2.delete_route_table().route_table_id(table).send();
    assert_eq!(code(delete(&one).await), "DependencyViolation");
    let replace = ec2.replace_route_table_association().association_id(&association).route_table_id(&two);
    let moved = replace.send().await.unwrap().new_association_id().unwrap().to_owned();
    let found =
        ec2.describe_route_tables().filters(filter("association.subnet-id", &subnet)).send().await.unwrap();
    assert_eq!(found.route_tables()[0].route_table_id(), Some(&*two));
    delete(&one).await.unwrap();
    let part = |id: &str| ec2.disassociate_route_table().association_id(id).send();
    assert_eq!(code(part(&association).await), "InvalidAssociationID.NotFound");
    part(&moved).await.unwrap();
    delete(&two).await.unwrap();
}
