//! Tags of existing resources (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html>).

use aws_sdk_ec2::operation::create_tags::{CreateTagsInput, CreateTagsOutput};
use aws_sdk_ec2::operation::delete_tags::{DeleteTagsInput, DeleteTagsOutput};
use aws_sdk_ec2::operation::describe_tags::{DescribeTagsInput, DescribeTagsOutput};
use aws_sdk_ec2::types::{ResourceType, TagDescription};

use super::request;
use crate::aws::filters::{self, Fields, one};
use crate::aws::{Answer, ApiError, Services, Tags, World};

/// Prefixes of ids, what has them, and the code for one that nothing has.
const KINDS: &[(&str, ResourceType, &str)] = &[
    ("eipalloc-", ResourceType::ElasticIp, "InvalidAllocationID.NotFound"),
    ("eni-", ResourceType::NetworkInterface, "InvalidNetworkInterfaceID.NotFound"),
    ("i-", ResourceType::Instance, "InvalidInstanceID.NotFound"),
    ("igw-", ResourceType::InternetGateway, "InvalidInternetGatewayID.NotFound"),
    ("lt-", ResourceType::LaunchTemplate, "InvalidLaunchTemplateId.NotFound"),
    ("nat-", ResourceType::Natgateway, "NatGatewayNotFound"),
    ("rtb-", ResourceType::RouteTable, "InvalidRouteTableID.NotFound"),
    ("sg-", ResourceType::SecurityGroup, "InvalidGroup.NotFound"),
    ("sgr-", ResourceType::SecurityGroupRule, "InvalidSecurityGroupRuleId.NotFound"),
    ("subnet-", ResourceType::Subnet, "InvalidSubnetID.NotFound"),
    ("vol-", ResourceType::Volume, "InvalidVolume.NotFound"),
    ("vpc-", ResourceType::Vpc, "InvalidVpcID.NotFound"),
    ("vpce-", ResourceType::VpcEndpoint, "InvalidVpcEndpointId.NotFound"),
];

const FIELDS: &Fields<TagDescription> = &[
    ("key", |tag| one(tag.key())),
    ("resource-id", |tag| one(tag.resource_id())),
    ("resource-type", |tag| one(tag.resource_type())),
    ("value", |tag| one(tag.value())),
];

pub(super) fn register(services: &mut Services) {
    super::operations!(
        services,
        create_tags: CreateTagsInput,
        delete_tags: DeleteTagsInput,
        describe_tags: DescribeTagsInput,
    );
}

fn kind(id: &str) -> Option<&'static (&'static str, ResourceType, &'static str)> {
    KINDS.iter().find(|(prefix, ..)| id.starts_with(prefix))
}

fn exists(world: &World, id: &str) -> bool {
    let ec2 = &world.ec2;
    match kind(id).map(|(_, kind, _)| kind) {
        Some(ResourceType::ElasticIp) => ec2.addresses.contains_key(id),
        Some(ResourceType::NetworkInterface) => ec2.interfaces.contains_key(id),
        Some(ResourceType::Instance) => ec2.instances.contains_key(id),
        Some(ResourceType::InternetGateway) => ec2.internet_gateways.contains_key(id),
        Some(ResourceType::LaunchTemplate) => ec2.launch_templates.contains_key(id),
        Some(ResourceType::Natgateway) => ec2.nat_gateways.contains_key(id),
        Some(ResourceType::RouteTable) => ec2.route_tables.contains_key(id),
        Some(ResourceType::SecurityGroup) => ec2.security_groups.contains_key(id),
        Some(ResourceType::SecurityGroupRule) => ec2.security_group_rules.contains_key(id),
        Some(ResourceType::Subnet) => ec2.subnets.contains_key(id),
        Some(ResourceType::Volume) => ec2.volumes.contains_key(id),
        Some(ResourceType::Vpc) => ec2.vpcs.contains_key(id),
        Some(ResourceType::VpcEndpoint) => ec2.endpoints.contains_key(id),
        _ => false,
    }
}

fn check_exist(world: &World, ids: &[String]) -> Answer<()> {
    if ids.is_empty() {
        return Err(request::missing("resourceIdSet"));
    }
    match ids.iter().find(|id| !exists(world, id)) {
        Some(id) => {
            let code = kind(id).map_or("InvalidID", |(.., code)| *code);
            Err(ApiError::new(code, format!("The ID '{id}' does not exist")))
        }
        None => Ok(()),
    }
}

fn create_tags(world: &mut World, input: &CreateTagsInput) -> Answer<CreateTagsOutput> {
    check_exist(world, input.resources())?;
    let new = request::tags_of(input.tags());
    if new.is_empty() {
        return Err(request::missing("tagSet"));
    }
    request::check_tags(&new)?;
    for id in input.resources() {
        let own = world.ec2.tags.get(id).into_iter().flatten().filter(|(key, _)| !key.starts_with("aws:"));
        let mut all: Tags = own.map(|(key, value)| (key.clone(), value.clone())).collect();
        all.extend(new.clone());
        request::check_tags(&all)?;
    }
    for id in input.resources() {
        world.ec2.tags.entry(id.clone()).or_default().extend(new.clone());
    }
    Ok(CreateTagsOutput::builder().build())
}

/// A tag given with a value is removed when it has that value; without tags, all that are not of AWS go.
fn delete_tags(world: &mut World, input: &DeleteTagsInput) -> Answer<DeleteTagsOutput> {
    check_exist(world, input.resources())?;
    if let Some(reserved) =
        input.tags().iter().filter_map(|tag| tag.key()).find(|key| key.starts_with("aws:"))
    {
        let message = format!("Tag keys starting with 'aws:' are reserved for internal use: {reserved}");
        return Err(request::invalid(message));
    }
    let is_meant = |key: &str, value: &str| {
        input.tags().is_empty()
            || input
                .tags()
                .iter()
                .any(|tag| tag.key() == Some(key) && tag.value().is_none_or(|wanted| wanted == value))
    };
    for id in input.resources() {
        if let Some(tags) = world.ec2.tags.get_mut(id) {
            tags.retain(|key, value| key.starts_with("aws:") || !is_meant(key, value));
        }
    }
    Ok(DeleteTagsOutput::builder().build())
}

fn describe_tags(world: &mut World, input: &DescribeTagsInput) -> Answer<DescribeTagsOutput> {
    let all = world.ec2.tags.iter().flat_map(|(id, tags)| {
        let kind = kind(id).map(|(_, kind, _)| kind.clone());
        tags.iter().map(move |(key, value)| {
            let tag = TagDescription::builder().resource_id(id).set_resource_type(kind.clone());
            tag.key(key).value(value).build()
        })
    });
    let plain = input.filters().iter().map(|filter| filters::Filter {
        name: filter.name.clone().unwrap_or_default(),
        values: filter.values().to_vec(),
    });
    let own = |tag: &TagDescription| {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Tags::from([(text(tag.key()), text(tag.value()))])
    };
    let tags = filters::keep(all, &plain.collect::<Vec<_>>(), FIELDS, own)?;
    let (tags, next) = request::page(tags, input.next_token(), input.max_results())?;
    Ok(DescribeTagsOutput::builder().set_tags(Some(tags)).set_next_token(next).build())
}
