//! Security groups (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html>).
//!
//! Invariants: names are unique in a VPC; each VPC has a group `default`; a new group lets everything out. Rules are
//! things of their own, see [`super::security_group_rule`].

use std::collections::BTreeMap;

use aws_sdk_ec2::operation::create_security_group::{CreateSecurityGroupInput, CreateSecurityGroupOutput};
use aws_sdk_ec2::operation::delete_security_group::{DeleteSecurityGroupInput, DeleteSecurityGroupOutput};
use aws_sdk_ec2::operation::describe_security_groups::{
    DescribeSecurityGroupsInput, DescribeSecurityGroupsOutput,
};
use aws_sdk_ec2::types::{self, GroupIdentifier, IpPermission, ResourceType};
use serde::{Deserialize, Serialize};

use super::request::{self, dependency, invalid, not_found, required};
use super::security_group_rule::{self, Rule};
use super::vpc;
use crate::aws::filters::{Fields, each, one};
use crate::aws::{Answer, ApiError, Services, Tags, World};

/// A security group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SecurityGroup {
    pub(super) vpc: String,
    name: String,
    description: String,
}

/// What a group that another service makes is like.
pub(crate) struct NewSecurityGroup {
    /// Unique in its VPC.
    pub name: String,
    /// For people.
    pub description: String,
    /// The VPC that it belongs to.
    pub vpc_id: String,
    /// Its tags, those of AWS among them.
    pub tags: Tags,
    /// Whether its members reach each other.
    pub allow_itself: bool,
}

const DEFAULT: &str = "default";

const FIELDS: &Fields<types::SecurityGroup> = &[
    ("description", |group| one(group.description())),
    ("egress.ip-permission.cidr", |group| networks(group.ip_permissions_egress())),
    ("egress.ip-permission.group-id", |group| peers(group.ip_permissions_egress())),
    ("group-id", |group| one(group.group_id())),
    ("group-name", |group| one(group.group_name())),
    ("ip-permission.cidr", |group| networks(group.ip_permissions())),
    ("ip-permission.from-port", |group| each(group.ip_permissions(), IpPermission::from_port)),
    ("ip-permission.group-id", |group| peers(group.ip_permissions())),
    ("ip-permission.protocol", |group| each(group.ip_permissions(), IpPermission::ip_protocol)),
    ("ip-permission.to-port", |group| each(group.ip_permissions(), IpPermission::to_port)),
    ("owner-id", |group| one(group.owner_id())),
    ("vpc-id", |group| one(group.vpc_id())),
];

fn networks(permissions: &[IpPermission]) -> Vec<String> {
    permissions.iter().flat_map(|p| each(p.ip_ranges(), types::IpRange::cidr_ip)).collect()
}

fn peers(permissions: &[IpPermission]) -> Vec<String> {
    permissions.iter().flat_map(|p| each(p.user_id_group_pairs(), types::UserIdGroupPair::group_id)).collect()
}

pub(super) fn register(services: &mut Services) {
    super::operations!(
        services,
        create_security_group: CreateSecurityGroupInput,
        delete_security_group: DeleteSecurityGroupInput,
        describe_security_groups: DescribeSecurityGroupsInput,
    );
}

/// The VPC that a group belongs to.
pub(crate) fn security_group_vpc(world: &World, id: &str) -> Option<String> {
    world.ec2.security_groups.get(id).map(|group| group.vpc.clone())
}

pub(super) fn find<'a>(world: &'a World, id: &str) -> Answer<&'a SecurityGroup> {
    world.ec2.security_groups.get(id).ok_or_else(|| not_found("InvalidGroup.NotFound", "security group", id))
}

/// The group that the request names by its id.
pub(super) fn given<'a>(world: &World, id: Option<&'a str>) -> Answer<&'a str> {
    let id = required(id, "groupId")?;
    find(world, id).map(|_| id)
}

/// Whether an interface has the group, or a rule of another group names it.
pub(crate) fn security_group_in_use(world: &World, id: &str) -> bool {
    let has = |interface: &super::interface::Interface| interface.groups.iter().any(|group| group == id);
    world.ec2.interfaces.values().any(has) || security_group_rule::is_referenced(world, id)
}

/// The VPC's group `default`.
pub(crate) fn default_of(world: &World, vpc: &str) -> Option<String> {
    let groups = world.ec2.security_groups.iter();
    groups.filter(|(_, group)| group.vpc == vpc && group.is_default()).map(|(id, _)| id.clone()).next()
}

/// Groups as other things refer to them.
pub(super) fn identifiers(world: &World, ids: &[String]) -> Vec<GroupIdentifier> {
    let identifier = |id: &String| {
        let name = world.ec2.security_groups.get(id).map(|group| group.name.clone());
        GroupIdentifier::builder().group_id(id).set_group_name(name).build()
    };
    ids.iter().map(identifier).collect()
}

/// Makes the group `default` of a VPC: its members reach each other.
pub(super) fn create_default(world: &mut World, vpc: &str) {
    let group = SecurityGroup {
        vpc: vpc.to_owned(),
        name: DEFAULT.to_owned(),
        description: "default VPC security group".to_owned(),
    };
    let id = insert(world, group, Tags::new());
    security_group_rule::add(world, Rule::from_group(&id, &id));
}

/// Removes the groups of a VPC, with the VPC; refused while the rule of another VPC's group refers to one.
pub(super) fn remove_of_vpc(world: &mut World, vpc: &str) -> Answer<()> {
    let groups = world.ec2.security_groups.iter().filter(|(_, group)| group.vpc == vpc);
    let ids: Vec<String> = groups.map(|(id, _)| id.clone()).collect();
    if ids.iter().any(|id| security_group_rule::is_referenced(world, id)) {
        return Err(dependency(format!("The vpc '{vpc}' has dependencies and cannot be deleted.")));
    }
    for id in ids {
        remove_security_group(world, &id);
    }
    Ok(())
}

/// Makes a group for another service.
pub(crate) fn make_security_group(world: &mut World, new: NewSecurityGroup) -> Answer<String> {
    let NewSecurityGroup { name, description, vpc_id, tags, allow_itself } = new;
    vpc::find(world, &vpc_id)?;
    check_name(world, &vpc_id, &name)?;
    let id = insert(world, SecurityGroup { vpc: vpc_id, name, description }, tags);
    if allow_itself {
        security_group_rule::add(world, Rule::from_group(&id, &id));
    }
    Ok(id)
}

/// Removes a group with its rules, whatever uses it.
pub(crate) fn remove_security_group(world: &mut World, id: &str) {
    security_group_rule::remove_of_group(world, id);
    world.ec2.security_groups.remove(id);
    world.ec2.tags.remove(id);
}

fn insert(world: &mut World, group: SecurityGroup, tags: Tags) -> String {
    let id = world.id("sg");
    world.ec2.security_groups.insert(id.clone(), group);
    world.ec2.tags.insert(id.clone(), tags);
    security_group_rule::add(world, Rule::to_anywhere(&id));
    id
}

fn check_name(world: &World, vpc: &str, name: &str) -> Answer<()> {
    if world.ec2.security_groups.values().any(|group| group.vpc == vpc && group.name == name) {
        let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
        return Err(ApiError::new("InvalidGroup.Duplicate", message));
    }
    Ok(())
}

/// Names and descriptions: up to 255 letters, digits, spaces and `._-:/()#,@[]+=&;{}!$*`.
fn check_text(text: &str, what: &str) -> Answer<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c);
    if text.chars().count() > 255 || !text.chars().all(allowed) {
        let message = format!(
            "Value ({text}) for parameter {what} is invalid. Character sets beyond ASCII are not supported, \
             and there are 255 characters at the most."
        );
        return Err(invalid(message));
    }
    Ok(())
}

fn create_security_group(
    world: &mut World,
    input: &CreateSecurityGroupInput,
) -> Answer<CreateSecurityGroupOutput> {
    let tags = request::tags_for(input.tag_specifications(), &ResourceType::SecurityGroup)?;
    let name = required(input.group_name(), "GroupName")?;
    let description = required(input.description(), "GroupDescription")?;
    let vpc_id = required(input.vpc_id(), "vpcId")?;
    vpc::find(world, vpc_id)?;
    check_text(name, "GroupName")?;
    check_text(description, "GroupDescription")?;
    if name.starts_with("sg-") {
        return Err(invalid(format!(
            "invalid value for parameter groupName ({name}): it must not begin with sg-"
        )));
    }
    if name == DEFAULT {
        let message = format!("The security group '{name}' is reserved");
        return Err(ApiError::new("InvalidGroup.Reserved", message));
    }
    check_name(world, vpc_id, name)?;
    let (vpc, name, description) = (vpc_id.to_owned(), name.to_owned(), description.to_owned());
    let id = insert(world, SecurityGroup { vpc, name, description }, tags);
    let output = CreateSecurityGroupOutput::builder()
        .security_group_arn(arn(world, &id))
        .set_tags(request::shown_tags(world, &id));
    Ok(output.group_id(id).build())
}

pub(super) fn arn(world: &World, id: &str) -> String {
    world.arn("ec2", &format!("security-group/{id}"))
}

impl SecurityGroup {
    pub(super) fn is_default(&self) -> bool {
        self.name == DEFAULT
    }

    fn show(&self, world: &World, id: &str) -> types::SecurityGroup {
        types::SecurityGroup::builder()
            .group_id(id)
            .group_name(&self.name)
            .description(&self.description)
            .owner_id(&world.account)
            .security_group_arn(arn(world, id))
            .vpc_id(&self.vpc)
            .set_ip_permissions(Some(permissions(world, id, false)))
            .set_ip_permissions_egress(Some(permissions(world, id, true)))
            .set_tags(request::shown_tags(world, id))
            .build()
    }
}

/// The rules of a group in the older form: those of equal protocol and ports together.
fn permissions(world: &World, group: &str, egress: bool) -> Vec<IpPermission> {
    let mut kinds: BTreeMap<_, Vec<&Rule>> = BTreeMap::new();
    for rule in security_group_rule::of_group(world, group).filter(|rule| rule.egress == egress) {
        kinds.entry((&rule.protocol, rule.ports)).or_default().push(rule);
    }
    kinds.into_values().map(|rules| security_group_rule::show_together(world, &rules)).collect()
}

fn describe_security_groups(
    world: &mut World,
    input: &DescribeSecurityGroupsInput,
) -> Answer<DescribeSecurityGroupsOutput> {
    let ids = input.group_ids();
    let groups = request::by_ids(&world.ec2.security_groups, ids, "InvalidGroup.NotFound", "security group")?;
    for name in input.group_names() {
        if !groups.iter().any(|(_, group)| group.name == *name) {
            return Err(not_found("InvalidGroup.NotFound", "security group", name));
        }
    }
    let named =
        |group: &SecurityGroup| input.group_names().is_empty() || input.group_names().contains(&group.name);
    let groups =
        groups.into_iter().filter(|(_, group)| named(group)).map(|(id, group)| group.show(world, id));
    let groups = request::filtered(groups, input.filters(), FIELDS, types::SecurityGroup::tags)?;
    let (groups, next) = request::page(groups, input.next_token(), input.max_results())?;
    Ok(DescribeSecurityGroupsOutput::builder().set_security_groups(Some(groups)).set_next_token(next).build())
}

fn delete_security_group(
    world: &mut World,
    input: &DeleteSecurityGroupInput,
) -> Answer<DeleteSecurityGroupOutput> {
    let id = given(world, input.group_id())?;
    if find(world, id)?.is_default() {
        let message =
            format!("the specified group: \"{id}\" name: \"{DEFAULT}\" cannot be deleted by a user");
        return Err(ApiError::new("CannotDelete", message));
    }
    if security_group_in_use(world, id) {
        return Err(dependency(format!("resource {id} has a dependent object")));
    }
    remove_security_group(world, id);
    Ok(DeleteSecurityGroupOutput::builder().r#return(true).group_id(id).build())
}
