//! Each behaviour of EC2, through the real client.

mod compute;
mod endpoints;
mod everywhere;
mod networks;
mod routing;
mod security;

use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};

use crate::aws::Tags;
use crate::aws::ec2::{NewInstance, NewInterface, launch_instance, make_interface};
use crate::aws::testing::Account;

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

fn named(kind: ResourceType, name: &str) -> TagSpecification {
    TagSpecification::builder()
        .resource_type(kind)
        .tags(Tag::builder().key("Name").value(name).build())
        .build()
}

async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

async fn vpc(ec2: &Client, cidr: &str) -> String {
    let made = ec2.create_vpc().cidr_block(cidr).send().await.unwrap();
    made.vpc().unwrap().vpc_id().unwrap().to_owned()
}

async fn subnet(ec2: &Client, vpc: &str, cidr: &str, zone: &str) -> String {
    let made = ec2.create_subnet().vpc_id(vpc).cidr_block(cidr).availability_zone(zone).send().await.unwrap();
    made.subnet().unwrap().subnet_id().unwrap().to_owned()
}

async fn internet_gateway(ec2: &Client, vpc: &str) -> String {
    let made = ec2.create_internet_gateway().send().await.unwrap();
    let id = made.internet_gateway().unwrap().internet_gateway_id().unwrap().to_owned();
    ec2.attach_internet_gateway().internet_gateway_id(&id).vpc_id(vpc).send().await.unwrap();
    id
}

async fn address(ec2: &Client) -> String {
    ec2.allocate_address().send().await.unwrap().allocation_id().unwrap().to_owned()
}

async fn nat_gateway(ec2: &Client, subnet: &str, address: &str) -> String {
    let made = ec2.create_nat_gateway().subnet_id(subnet).allocation_id(address).send().await.unwrap();
    made.nat_gateway().unwrap().nat_gateway_id().unwrap().to_owned()
}

async fn security_group(ec2: &Client, vpc: &str, name: &str) -> String {
    let made = ec2.create_security_group().vpc_id(vpc).group_name(name).description("a test");
    made.send().await.unwrap().group_id().unwrap().to_owned()
}

async fn route_table(ec2: &Client, vpc: &str) -> String {
    let made = ec2.create_route_table().vpc_id(vpc).send().await.unwrap();
    made.route_table().unwrap().route_table_id().unwrap().to_owned()
}

/// An interface that a load balancer made for itself.
fn load_balancer_interface(account: &Account, subnet: &str, groups: &[&str]) -> String {
    account.with(|world| {
        let new = NewInterface {
            subnet_id: subnet.to_owned(),
            description: "ELB net/edge/0123456789abcdef".to_owned(),
            security_groups: groups.iter().map(ToString::to_string).collect(),
            requester_managed: true,
            instance_id: None,
            tags: Tags::new(),
            created: world.now,
        };
        make_interface(world, new).unwrap()
    })
}

/// An instance, as auto scaling launches it.
fn instance(account: &Account, subnet: &str, groups: &[&str]) -> String {
    account.with(|world| {
        let new = NewInstance {
            instance_type: "m7i.large".to_owned(),
            image_id: "ami-0123456789abcdef0".to_owned(),
            subnet_id: subnet.to_owned(),
            security_groups: groups.iter().map(ToString::to_string).collect(),
            instance_profile: None,
            spot: false,
            tags: Tags::from([("eks:nodegroup-name".to_owned(), "general".to_owned())]),
            launched: world.now,
        };
        launch_instance(world, new).unwrap()
    })
}
