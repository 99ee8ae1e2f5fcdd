//! SetSubnets, SetSecurityGroups and SetIpAddressType.

use aws_sdk_elasticloadbalancingv2::operation::set_ip_address_type::{
    SetIpAddressTypeInput, SetIpAddressTypeOutput,
};
use aws_sdk_elasticloadbalancingv2::operation::set_security_groups::{
    SetSecurityGroupsInput, SetSecurityGroupsOutput,
};
use aws_sdk_elasticloadbalancingv2::operation::set_subnets::{SetSubnetsInput, SetSubnetsOutput};

use super::super::{Answer, Services, World, ec2};
use super::{error, load_balancer};

pub(super) fn register(services: &mut Services) {
    services.on(set_subnets);
    services.on(set_security_groups);
    services.on(set_ip_address_type);
}

fn set_subnets(world: &mut World, input: &SetSubnetsInput) -> Answer<SetSubnetsOutput> {
    let mut balancer = load_balancer::find_mut(world, input.load_balancer_arn())?.clone();
    let wanted = load_balancer::wanted(input.subnets(), input.subnet_mappings())?;
    if load_balancer::check_subnets(world, &wanted)? != balancer.vpc_id {
        return Err(error(
            "InvalidSubnet",
            format!("The subnets must belong to the VPC {}", balancer.vpc_id),
        ));
    }
    load_balancer::place(world, &mut balancer, &wanted)?;
    let zones = load_balancer::zones(&balancer);
    *load_balancer::find_mut(world, input.load_balancer_arn())? = balancer;
    Ok(SetSubnetsOutput::builder().set_availability_zones(Some(zones)).build())
}

/// A network load balancer that was made without security groups can never get one.
fn set_security_groups(world: &mut World, input: &SetSecurityGroupsInput) -> Answer<SetSecurityGroupsOutput> {
    let balancer = load_balancer::find_mut(world, input.load_balancer_arn())?.clone();
    if balancer.security_groups.is_empty() || input.security_groups().is_empty() {
        return Err(error(
            "InvalidConfigurationRequest",
            format!(
                "Security groups of the load balancer '{}' can be neither introduced nor removed after its creation",
                balancer.name
            ),
        ));
    }
    load_balancer::check_security_groups(world, input.security_groups(), &balancer.vpc_id)?;
    for placement in &balancer.placements {
        ec2::set_interface_security_groups(world, &placement.interface, input.security_groups());
    }
    load_balancer::find_mut(world, input.load_balancer_arn())?.security_groups =
        input.security_groups().to_vec();
    Ok(SetSecurityGroupsOutput::builder().set_security_group_ids(input.security_groups.clone()).build())
}

fn set_ip_address_type(world: &mut World, input: &SetIpAddressTypeInput) -> Answer<SetIpAddressTypeOutput> {
    let balancer = load_balancer::find_mut(world, input.load_balancer_arn())?;
    if let Some(kind) = input.ip_address_type() {
        balancer.ip_address_type = kind.as_str().to_owned();
    }
    Ok(SetIpAddressTypeOutput::builder().set_ip_address_type(input.ip_address_type.clone()).build())
}
