//! VPC endpoints of both types.

use std::time::Duration;

use aws_sdk_ec2::types::{AttributeBooleanValue, VpcEndpointType};

use super::{filter, pass, route_table, security_group, subnet, vpc};
use crate::aws::testing::{account, code};

#[tokio::test(start_paused = true)]
async fn a_gateway_endpoint_puts_a_route_into_its_tables() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    let (one, two) = (route_table(&ec2, &vpc).await, route_table(&ec2, &vpc).await);
    let create = |service: &str| {
        ec2.create_vpc_endpoint().vpc_id(&vpc).service_name(service).route_table_ids(&one).send()
    };
    assert_eq!(code(create("com.amazonaws.us-east-1.s3").await), "InvalidServiceName");
    let made = create("com.amazonaws.eu-west-1.s3").await.unwrap();
    let made = made.vpc_endpoint().unwrap();
    assert_eq!(made.state().unwrap().as_str(), "available");
    assert_eq!(code(create("com.amazonaws.eu-west-1.s3").await), "RouteAlreadyExists");
    let id = made.vpc_endpoint_id().unwrap();
    let modify = ec2.modify_vpc_endpoint().vpc_endpoint_id(id).add_route_table_ids(&two);
    modify.remove_route_table_ids(&one).send().await.unwrap();
    let found = ec2.describe_route_tables().filters(filter("route.gateway-id", id)).send().await.unwrap();
    assert_eq!(found.route_tables()[0].route_table_id(), Some(&*two));
    assert_eq!(code(ec2.delete_vpc().vpc_id(&vpc).send().await), "DependencyViolation");
    ec2.delete_vpc_endpoints().vpc_endpoint_ids(id).send().await.unwrap();
    let found = ec2.describe_route_tables().route_table_ids(&two).send().await.unwrap();
    assert_eq!(found.route_tables()[0].routes().len(), 1);
    let again = ec2.delete_vpc_endpoints().vpc_endpoint_ids(id).send().await.unwrap();
    let error = again.unsuccessful()[0].error().unwrap();
    assert_eq!(error.code(), Some("InvalidVpcEndpointId.NotFound"));
}

#[tokio::test(start_paused = true)]
async fn an_interface_endpoint_takes_a_minute_and_lets_go_late() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    let subnet = subnet(&ec2, &vpc, "10.0.0.0/24", "eu-west-1a").await;
    let group = security_group(&ec2, &vpc, "endpoints").await;
    let create = ec2.create_vpc_endpoint().vpc_id(&vpc).service_name("com.amazonaws.eu-west-1.sts");
    let create = create.vpc_endpoint_type(VpcEndpointType::Interface).subnet_ids(&subnet);
    let create = create.security_group_ids(&group);
    assert_eq!(code(create.clone().send().await), "InvalidParameter");
    let yes = AttributeBooleanValue::builder().value(true).build();
    ec2.modify_vpc_attribute().vpc_id(&vpc).enable_dns_hostnames(yes).send().await.unwrap();
    let made = create.send().await.unwrap();
    let id = made.vpc_endpoint().unwrap().vpc_endpoint_id().unwrap();
    let state = async || {
        let found = ec2.describe_vpc_endpoints().vpc_endpoint_ids(id).send().await.unwrap();
        found.vpc_endpoints()[0].state().unwrap().as_str().to_owned()
    };
    assert_eq!(state().await, "pending");
    pass(Duration::from_secs(61)).await;
    assert_eq!(state().await, "available");
    ec2.delete_vpc_endpoints().vpc_endpoint_ids(id).send().await.unwrap();
    assert_eq!(state().await, "deleting");
    assert_eq!(code(ec2.delete_subnet().subnet_id(&subnet).send().await), "DependencyViolation");
    assert_eq!(code(ec2.delete_security_group().group_id(&group).send().await), "DependencyViolation");
    pass(Duration::from_secs(120)).await;
    let gone = ec2.describe_vpc_endpoints().vpc_endpoint_ids(id).send().await;
    assert_eq!(code(gone), "InvalidVpcEndpointId.NotFound");
    ec2.delete_subnet().subnet_id(&subnet).send().await.unwrap();
}
