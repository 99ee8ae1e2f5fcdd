//! DB subnet groups: the subnets of one VPC, in two zones at least, in which instances may lie.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_rds::operation::create_db_subnet_group::{CreateDbSubnetGroupInput, CreateDbSubnetGroupOutput};
use aws_sdk_rds::operation::delete_db_subnet_group::{DeleteDbSubnetGroupInput, DeleteDbSubnetGroupOutput};
use aws_sdk_rds::operation::describe_db_subnet_groups::{
    DescribeDbSubnetGroupsInput, DescribeDbSubnetGroupsOutput,
};
use aws_sdk_rds::operation::modify_db_subnet_group::{ModifyDbSubnetGroupInput, ModifyDbSubnetGroupOutput};
use aws_sdk_rds::types;
use serde::{Deserialize, Serialize};

use super::super::{Answer, ApiError, Services, World, ec2};
use super::{error, invalid_value, tag};

/// One subnet group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SubnetGroup {
    name: String,
    pub(super) arn: String,
    description: String,
    pub(super) vpc_id: String,
    pub(super) subnets: Vec<String>,
    pub(super) tags: BTreeMap<String, String>,
}

pub(super) fn register(services: &mut Services) {
    services.on(create);
    services.on(describe);
    services.on(modify);
    services.on(delete);
}

/// The subnet group of that name, in any case of letters.
pub(super) fn find<'a>(world: &'a World, name: Option<&str>) -> Answer<&'a SubnetGroup> {
    let name = name.unwrap_or_default().to_ascii_lowercase();
    world.rds.subnet_groups.get(&name).ok_or_else(|| not_found(&name))
}

fn not_found(name: &str) -> ApiError {
    error("DBSubnetGroupNotFoundFault", format!("DB subnet group '{name}' does not exist."))
}

fn check_subnets(world: &World, subnets: &[String]) -> Answer<String> {
    let mut zones = BTreeSet::new();
    let mut vpcs = BTreeSet::new();
    for id in subnets {
        let missing = || error("InvalidSubnet", format!("Some input subnets in :[{id}] are invalid."));
        vpcs.insert(ec2::subnet_vpc(world, id).ok_or_else(missing)?);
        zones.insert(ec2::subnet_zone(world, id).ok_or_else(missing)?);
    }
    if zones.len() < 2 {
        return Err(error(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement: add subnets to cover at least 2 AZs",
        ));
    }
    let mut vpcs = vpcs.into_iter();
    match (vpcs.next(), vpcs.next()) {
        (Some(vpc), None) => Ok(vpc),
        _ => Err(error("InvalidVPCNetworkStateFault", "The subnets are not all in the same VPC")),
    }
}

fn create(world: &mut World, input: &CreateDbSubnetGroupInput) -> Answer<CreateDbSubnetGroupOutput> {
    let name = input.db_subnet_group_name().unwrap_or_default().to_ascii_lowercase();
    let allowed = |c: char| c.is_ascii_alphanumeric() || " ._-".contains(c);
    if name.is_empty() || name.len() > 255 || name == "default" || !name.chars().all(allowed) {
        return Err(invalid_value(format!("The parameter DBSubnetGroupName '{name}' is not valid")));
    }
    if world.rds.subnet_groups.contains_key(&name) {
        return Err(error(
            "DBSubnetGroupAlreadyExists",
            format!("The DB subnet group '{name}' already exists."),
        ));
    }
    let vpc_id = check_subnets(world, input.subnet_ids())?;
    let group = SubnetGroup {
        arn: world.arn("rds", &format!("subgrp:{name}")),
        description: input.db_subnet_group_description().unwrap_or_default().to_owned(),
        vpc_id,
        subnets: input.subnet_ids().to_vec(),
        tags: tag::tags_of(input.tags())?,
        name: name.clone(),
    };
    let shown = view(world, &group);
    world.rds.subnet_groups.insert(name, group);
    Ok(CreateDbSubnetGroupOutput::builder().db_subnet_group(shown).build())
}

fn describe(world: &mut World, input: &DescribeDbSubnetGroupsInput) -> Answer<DescribeDbSubnetGroupsOutput> {
    if let Some(filter) = input.filters().first() {
        return Err(invalid_value(format!(
            "Unrecognized filter name: {}",
            filter.name().unwrap_or_default()
        )));
    }
    let groups = match input.db_subnet_group_name() {
        Some(name) => vec![view(world, find(world, Some(name))?)],
        None => world.rds.subnet_groups.values().map(|group| view(world, group)).collect(),
    };
    let (groups, marker) = super::page(groups, input.marker(), input.max_records())?;
    Ok(DescribeDbSubnetGroupsOutput::builder().set_db_subnet_groups(Some(groups)).set_marker(marker).build())
}

fn modify(world: &mut World, input: &ModifyDbSubnetGroupInput) -> Answer<ModifyDbSubnetGroupOutput> {
    let mut group = find(world, input.db_subnet_group_name())?.clone();
    if check_subnets(world, input.subnet_ids())? != group.vpc_id {
        return Err(error(
            "InvalidVPCNetworkStateFault",
            format!("The subnets must be in the VPC {}", group.vpc_id),
        ));
    }
    let occupied = world.rds.instances.values().filter(|instance| instance.subnet_group == group.name);
    if let Some(instance) =
        occupied.into_iter().find(|instance| !input.subnet_ids().contains(&instance.subnet))
    {
        return Err(error(
            "SubnetAlreadyInUse",
            format!("The subnet {} is in use by the instance {}", instance.subnet, instance.identifier),
        ));
    }
    group.subnets = input.subnet_ids().to_vec();
    if let Some(description) = input.db_subnet_group_description() {
        group.description = description.to_owned();
    }
    let shown = view(world, &group);
    world.rds.subnet_groups.insert(group.name.clone(), group);
    Ok(ModifyDbSubnetGroupOutput::builder().db_subnet_group(shown).build())
}

fn delete(world: &mut World, input: &DeleteDbSubnetGroupInput) -> Answer<DeleteDbSubnetGroupOutput> {
    let name = find(world, input.db_subnet_group_name())?.name.clone();
    if let Some(instance) = world.rds.instances.values().find(|instance| instance.subnet_group == name) {
        return Err(error(
            "InvalidDBSubnetGroupStateFault",
            format!(
                "Cannot delete the subnet group '{name}' because at least one database instance: {} is still using it.",
                instance.identifier
            ),
        ));
    }
    world.rds.subnet_groups.remove(&name);
    Ok(DeleteDbSubnetGroupOutput::builder().build())
}

/// The subnet group as the API shows it.
pub(super) fn view(world: &World, group: &SubnetGroup) -> types::DbSubnetGroup {
    let subnet = |id: &String| {
        let zone = types::AvailabilityZone::builder().set_name(ec2::subnet_zone(world, id)).build();
        types::Subnet::builder()
            .subnet_identifier(id)
            .subnet_availability_zone(zone)
            .subnet_status("Active")
            .build()
    };
    types::DbSubnetGroup::builder()
        .db_subnet_group_name(&group.name)
        .db_subnet_group_arn(&group.arn)
        .db_subnet_group_description(&group.description)
        .vpc_id(&group.vpc_id)
        .subnet_group_status("Complete")
        .set_subnets(Some(group.subnets.iter().map(subnet).collect()))
        .supported_network_types("IPV4")
        .build()
}
