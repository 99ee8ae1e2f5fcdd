//! Network load balancers: creating, reading and deleting them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::operation::create_load_balancer::{
    CreateLoadBalancerInput, CreateLoadBalancerOutput,
};
use aws_sdk_elasticloadbalancingv2::operation::delete_load_balancer::{
    DeleteLoadBalancerInput, DeleteLoadBalancerOutput,
};
use aws_sdk_elasticloadbalancingv2::operation::describe_load_balancers::{
    DescribeLoadBalancersInput, DescribeLoadBalancersOutput,
};
use aws_sdk_elasticloadbalancingv2::types;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::{Answer, ApiError, Services, World, ec2};
use super::{attribute, error, region, tag, validation};

/// From creation until the load balancer is active.
const PROVISIONING: SignedDuration = SignedDuration::from_secs(150);
/// How long its network interfaces outlive it.
const INTERFACES_LINGER: SignedDuration = SignedDuration::from_secs(120);

/// One network load balancer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LoadBalancer {
    pub(super) arn: String,
    pub(super) name: String,
    id: String,
    created: Timestamp,
    scheme: String,
    pub(super) vpc_id: String,
    pub(super) ip_address_type: String,
    pub(super) security_groups: Vec<String>,
    pub(super) placements: Vec<Placement>,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) tags: BTreeMap<String, String>,
}

/// Where a load balancer stands in one zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Placement {
    pub(super) subnet: String,
    zone: String,
    /// Elastic IP, where one was given.
    allocation: Option<String>,
    /// Network interface.
    pub(super) interface: String,
}

/// A subnet in which a load balancer is wanted, and the elastic IP that it should have there.
pub(super) type Wanted = (String, Option<String>);

pub(super) fn register(services: &mut Services) {
    services.on(create);
    services.on(describe);
    services.on(delete);
}

/// The load balancer of that ARN.
pub(super) fn find_mut<'a>(world: &'a mut World, arn: Option<&str>) -> Answer<&'a mut LoadBalancer> {
    let arn = arn.unwrap_or_default();
    world.elasticloadbalancingv2.load_balancers.get_mut(arn).ok_or_else(|| not_found(arn))
}

/// The refusal of an unknown load balancer.
pub(super) fn not_found(arn: &str) -> ApiError {
    error("LoadBalancerNotFound", format!("Load balancer '{arn}' not found"))
}

/// The subnets that a request names, in either of the two ways.
pub(super) fn wanted(subnets: &[String], mappings: &[types::SubnetMapping]) -> Answer<Vec<Wanted>> {
    if subnets.is_empty() == mappings.is_empty() {
        return Err(validation("Exactly one of subnets and subnet mappings must be specified"));
    }
    let mapped = mappings.iter().map(|mapping| {
        (mapping.subnet_id().unwrap_or_default().to_owned(), mapping.allocation_id().map(str::to_owned))
    });
    Ok(subnets.iter().map(|subnet| (subnet.clone(), None)).chain(mapped).collect())
}

/// The VPC of the subnets; they must exist, share it, and lie in different zones.
pub(super) fn check_subnets(world: &World, wanted: &[Wanted]) -> Answer<String> {
    let mut zones = BTreeSet::new();
    let mut vpcs = BTreeSet::new();
    for (subnet, _) in wanted {
        let missing = || error("SubnetNotFound", format!("The subnet ID '{subnet}' does not exist"));
        vpcs.insert(ec2::subnet_vpc(world, subnet).ok_or_else(missing)?);
        if !zones.insert(ec2::subnet_zone(world, subnet).ok_or_else(missing)?) {
            return Err(error(
                "InvalidConfigurationRequest",
                "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
            ));
        }
    }
    let mut vpcs = vpcs.into_iter();
    match (vpcs.next(), vpcs.next()) {
        (Some(vpc), None) => Ok(vpc),
        _ => Err(error("InvalidSubnet", "All subnets must belong to the same VPC")),
    }
}

/// Refuses security groups that the VPC does not have.
pub(super) fn check_security_groups(world: &World, groups: &[String], vpc: &str) -> Answer<()> {
    match groups.iter().find(|group| ec2::security_group_vpc(world, group).as_deref() != Some(vpc)) {
        Some(group) => Err(error(
            "InvalidSecurityGroup",
            format!("Security group '{group}' does not exist in the VPC {vpc}"),
        )),
        None => Ok(()),
    }
}

fn create(world: &mut World, input: &CreateLoadBalancerInput) -> Answer<CreateLoadBalancerOutput> {
    if input.r#type() != Some(&types::LoadBalancerTypeEnum::Network) {
        return Err(error(
            "NotSimulated",
            "only load balancers of the type network are part of the simulation",
        ));
    }
    let name = super::name(input.name(), "Load balancer")?;
    let wanted = wanted(input.subnets(), input.subnet_mappings())?;
    let scheme = input.scheme().map_or("internet-facing", |scheme| scheme.as_str()).to_owned();
    let ip_address_type = input.ip_address_type().map_or("ipv4", |kind| kind.as_str()).to_owned();
    let tags = tag::tags_of(input.tags())?;
    let existing =
        world.elasticloadbalancingv2.load_balancers.values().find(|balancer| balancer.name == name);
    if let Some(existing) = existing {
        let subnets: BTreeSet<&String> =
            existing.placements.iter().map(|placement| &placement.subnet).collect();
        let same = existing.scheme == scheme
            && existing.ip_address_type == ip_address_type
            && subnets == wanted.iter().map(|(subnet, _)| subnet).collect()
            && existing.security_groups == input.security_groups()
            && existing.tags == tags;
        if !same {
            return Err(error(
                "DuplicateLoadBalancerName",
                format!("A load balancer with the same name '{name}' exists, but with different settings"),
            ));
        }
        return Ok(CreateLoadBalancerOutput::builder().load_balancers(view(world, existing)).build());
    }
    let vpc_id = check_subnets(world, &wanted)?;
    check_security_groups(world, input.security_groups(), &vpc_id)?;
    if scheme == "internet-facing" && !ec2::has_internet_gateway(world, &vpc_id) {
        return Err(error("InvalidSubnet", format!("VPC {vpc_id} has no internet gateway")));
    }
    let id = super::new_id(world);
    let mut balancer = LoadBalancer {
        arn: super::arn(world, &format!("loadbalancer/net/{name}/{id}")),
        id,
        created: world.now,
        scheme,
        vpc_id,
        ip_address_type,
        security_groups: input.security_groups().to_vec(),
        placements: Vec::new(),
        attributes: attribute::load_balancer_defaults(),
        tags,
        name,
    };
    place(world, &mut balancer, &wanted)?;
    let shown = view(world, &balancer);
    world.elasticloadbalancingv2.load_balancers.insert(balancer.arn.clone(), balancer);
    Ok(CreateLoadBalancerOutput::builder().load_balancers(shown).build())
}

/// Puts the load balancer into the wanted subnets and none else.
pub(super) fn place(world: &mut World, balancer: &mut LoadBalancer, wanted: &[Wanted]) -> Answer<()> {
    let now = world.now;
    let (kept, left): (Vec<Placement>, Vec<Placement>) = std::mem::take(&mut balancer.placements)
        .into_iter()
        .partition(|placement| wanted.contains(&(placement.subnet.clone(), placement.allocation.clone())));
    let leaving = left.into_iter().map(|placement| (placement.interface, now + INTERFACES_LINGER));
    world.elasticloadbalancingv2.leaving.extend(leaving);
    balancer.placements = kept;
    for (subnet, allocation) in wanted {
        if balancer.placements.iter().any(|placement| placement.subnet == *subnet) {
            continue;
        }
        let interface = ec2::make_interface(
            world,
            ec2::NewInterface {
                subnet_id: subnet.clone(),
                description: format!("ELB net/{}/{}", balancer.name, balancer.id),
                security_groups: balancer.security_groups.clone(),
                requester_managed: true,
                instance_id: None,
                tags: BTreeMap::new(),
                created: now,
            },
        )?;
        let zone = ec2::subnet_zone(world, subnet).unwrap_or_default();
        if balancer.scheme == "internet-facing" {
            ec2::give_public_address(world, &interface, allocation.as_deref())?;
        }
        balancer.placements.push(Placement {
            subnet: subnet.clone(),
            zone,
            allocation: allocation.clone(),
            interface,
        });
    }
    Ok(())
}

fn describe(world: &mut World, input: &DescribeLoadBalancersInput) -> Answer<DescribeLoadBalancersOutput> {
    let balancers = &world.elasticloadbalancingv2.load_balancers;
    if let Some(arn) = input.load_balancer_arns().iter().find(|arn| !balancers.contains_key(*arn)) {
        return Err(not_found(arn));
    }
    let missing = |name: &&String| !balancers.values().any(|balancer| balancer.name == **name);
    if let Some(name) = input.names().iter().find(missing) {
        return Err(error("LoadBalancerNotFound", format!("Load balancers '[{name}]' not found")));
    }
    let wanted = |balancer: &&LoadBalancer| {
        (input.load_balancer_arns().is_empty() || input.load_balancer_arns().contains(&balancer.arn))
            && (input.names().is_empty() || input.names().contains(&balancer.name))
    };
    let all = balancers.values().filter(wanted).map(|balancer| view(world, balancer)).collect();
    let (balancers, marker) = super::page(all, input.marker(), input.page_size())?;
    Ok(DescribeLoadBalancersOutput::builder()
        .set_load_balancers(Some(balancers))
        .set_next_marker(marker)
        .build())
}

/// Deleting what is not there is no error, as the API Reference says.
fn delete(world: &mut World, input: &DeleteLoadBalancerInput) -> Answer<DeleteLoadBalancerOutput> {
    let arn = input.load_balancer_arn().unwrap_or_default();
    let now = world.now;
    let state = &mut world.elasticloadbalancingv2;
    if let Some(balancer) = state.load_balancers.get(arn)
        && balancer.attributes.get("deletion_protection.enabled").is_some_and(|on| on == "true")
    {
        return Err(error(
            "OperationNotPermitted",
            format!("Load balancer '{arn}' cannot be deleted because deletion protection is enabled"),
        ));
    }
    if let Some(balancer) = state.load_balancers.remove(arn) {
        let interfaces =
            balancer.placements.into_iter().map(|placement| (placement.interface, now + INTERFACES_LINGER));
        state.leaving.extend(interfaces);
        state.listeners.retain(|_, listener| listener.load_balancer != arn);
    }
    Ok(DeleteLoadBalancerOutput::builder().build())
}

/// The load balancer as the API shows it.
pub(super) fn view(world: &World, balancer: &LoadBalancer) -> types::LoadBalancer {
    let state = if balancer.created + PROVISIONING > world.now {
        types::LoadBalancerStateEnum::Provisioning
    } else {
        types::LoadBalancerStateEnum::Active
    };
    let prefix = if balancer.scheme == "internal" { "internal-" } else { "" };
    types::LoadBalancer::builder()
        .load_balancer_arn(&balancer.arn)
        .dns_name(format!("{prefix}{}-{}.elb.{}.amazonaws.com", balancer.name, balancer.id, world.region))
        .canonical_hosted_zone_id(region::hosted_zone(&world.region))
        .created_time(super::super::date_time(balancer.created))
        .load_balancer_name(&balancer.name)
        .scheme(types::LoadBalancerSchemeEnum::from(balancer.scheme.as_str()))
        .vpc_id(&balancer.vpc_id)
        .state(types::LoadBalancerState::builder().code(state).build())
        .r#type(types::LoadBalancerTypeEnum::Network)
        .set_availability_zones(Some(zones(balancer)))
        .set_security_groups((!balancer.security_groups.is_empty()).then(|| balancer.security_groups.clone()))
        .ip_address_type(types::IpAddressType::from(balancer.ip_address_type.as_str()))
        .build()
}

/// The zones of the load balancer as the API shows them.
pub(super) fn zones(balancer: &LoadBalancer) -> Vec<types::AvailabilityZone> {
    let view = |placement: &Placement| {
        let address =
            types::LoadBalancerAddress::builder().set_allocation_id(placement.allocation.clone()).build();
        types::AvailabilityZone::builder()
            .zone_name(&placement.zone)
            .subnet_id(&placement.subnet)
            .set_load_balancer_addresses(Some(placement.allocation.iter().map(|_| address.clone()).collect()))
            .build()
    };
    balancer.placements.iter().map(view).collect()
}
