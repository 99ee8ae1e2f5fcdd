//! The simulated EC2 with VPC (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/>). One kind of resource, one
//! file.
//!
//! Invariants: the tags of everything lie in one table by id, and go with what they belong to; what others still use
//! cannot be deleted; states that pass with time are computed from instants, and what ends by itself ends in [`settle`].

mod address;
mod durations;
mod endpoint;
mod instance;
mod instance_type;
mod interface;
mod internet_gateway;
mod launch_template;
mod launch_template_data;
mod nat_gateway;
mod request;
mod route;
mod route_table;
mod security_group;
mod security_group_rule;
mod subnet;
mod tag;
#[cfg(test)]
mod tests;
mod volume;
mod vpc;
mod zone;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Services, Tags, World};

pub(crate) use address::give_public_address;
pub(crate) use instance::{
    NewInstance, end_instance, instance_alive, instance_ended, instance_network, instance_private_dns,
    launch_instance,
};
pub(crate) use instance_type::instance_type_offered;
pub(crate) use interface::{
    NewInterface, detach_interface, make_interface, remove_interface, set_interface_security_groups,
};
pub(crate) use internet_gateway::has_internet_gateway;
pub(crate) use launch_template::launch_template;
pub(crate) use security_group::{
    NewSecurityGroup, default_of as default_security_group, make_security_group, remove_security_group,
    security_group_in_use, security_group_vpc,
};
pub(crate) use subnet::{subnet_vpc, subnet_zone};
pub(crate) use vpc::has_vpc;

/// Everything of EC2 in one region, each kind by id.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    tags: BTreeMap<String, Tags>,
    addresses: BTreeMap<String, address::Address>,
    endpoints: BTreeMap<String, endpoint::Endpoint>,
    instances: BTreeMap<String, instance::Instance>,
    interfaces: BTreeMap<String, interface::Interface>,
    internet_gateways: BTreeMap<String, internet_gateway::InternetGateway>,
    launch_templates: BTreeMap<String, launch_template::LaunchTemplate>,
    nat_gateways: BTreeMap<String, nat_gateway::NatGateway>,
    route_tables: BTreeMap<String, route_table::RouteTable>,
    security_groups: BTreeMap<String, security_group::SecurityGroup>,
    security_group_rules: BTreeMap<String, security_group_rule::Rule>,
    subnets: BTreeMap<String, subnet::Subnet>,
    volumes: BTreeMap<String, volume::Volume>,
    vpcs: BTreeMap<String, vpc::Vpc>,
}

/// Enters operations by their handlers, each named like the SDK's module of the operation. A dry run ends before its
/// handler. The few operations without dry run are entered by [`Services::on`].
macro_rules! operations {
    ($services:ident, $($handler:ident: $input:ident),+ $(,)?) => {$(
        $services.on(|world: &mut $crate::aws::World, input: &aws_sdk_ec2::operation::$handler::$input| {
            $crate::aws::ec2::request::refuse_dry_run(input.dry_run())?;
            $handler(world, input)
        });
    )+};
}
use operations;

/// Adds the operations of EC2.
pub(crate) fn register(services: &mut Services) {
    address::register(services);
    endpoint::register(services);
    instance::register(services);
    instance_type::register(services);
    interface::register(services);
    internet_gateway::register(services);
    launch_template::register(services);
    nat_gateway::register(services);
    route::register(services);
    route_table::register(services);
    security_group::register(services);
    security_group_rule::register(services);
    subnet::register(services);
    tag::register(services);
    volume::register(services);
    vpc::register(services);
    zone::register(services);
}

/// What a region has before anybody did anything: the default VPC with a subnet in each zone.
pub(crate) fn furnish(world: &mut World) {
    vpc::create_default(world);
}

/// Lets end what ended by now.
pub(crate) fn settle(world: &mut World) {
    instance::settle(world);
    nat_gateway::settle(world);
    endpoint::settle(world);
}
