//! Instances, their interfaces and volumes, instance types and launch templates.

use std::time::Duration;

use aws_sdk_ec2::types::{
    InstanceStateName, InstanceType, LaunchTemplateBlockDeviceMappingRequest,
    LaunchTemplateEbsBlockDeviceRequest, LaunchTemplateHttpTokensState,
    LaunchTemplateInstanceMetadataOptionsRequest, LaunchTemplatePlacementRequest,
    LaunchTemplateTagSpecificationRequest, LocationType, RequestLaunchTemplateData, ResourceType, Tag,
    VolumeType,
};

use super::{filter, instance, pass, security_group, subnet, vpc};
use crate::aws::ec2::{NewInterface, instance_private_dns, launch_template, make_interface};
use crate::aws::testing::{Account, account, code};
use crate::aws::{Tags, World};

async fn state(account: &Account, id: &str) -> InstanceStateName {
    let found = account.ec2().describe_instances().instance_ids(id).send().await.unwrap();
    found.reservations()[0].instances()[0].state().unwrap().name().unwrap().clone()
}

fn extra_interface(world: &mut World, subnet: &str, instance: &str) -> String {
    let new = NewInterface {
        subnet_id: subnet.to_owned(),
        description: format!("aws-K8S-{instance}"),
        security_groups: Vec::new(),
        requester_managed: false,
        instance_id: Some(instance.to_owned()),
        tags: Tags::new(),
        created: world.now,
    };
    make_interface(world, new).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_instance_passes_through_its_states_and_is_forgotten() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    let subnet = subnet(&ec2, &vpc, "10.0.0.0/24", "eu-west-1a").await;
    let group = security_group(&ec2, &vpc, "nodes").await;
    let id = instance(&account, &subnet, &[&group]);
    assert_eq!(state(&account, &id).await, InstanceStateName::Pending);
    pass(Duration::from_secs(30)).await;
    assert_eq!(state(&account, &id).await, InstanceStateName::Running);
    let by_tag =
        ec2.describe_instances().filters(filter("tag:eks:nodegroup-name", "general")).send().await.unwrap();
    let found = &by_tag.reservations()[0].instances()[0];
    assert_eq!(found.private_dns_name(), Some("ip-10-0-0-4.eu-west-1.compute.internal"));
    assert_eq!(account.with(|world| instance_private_dns(world, &id)).as_deref(), found.private_dns_name());
    ec2.terminate_instances().instance_ids(&id).send().await.unwrap();
    assert_eq!(state(&account, &id).await, InstanceStateName::ShuttingDown);
    assert_eq!(code(ec2.delete_subnet().subnet_id(&subnet).send().await), "DependencyViolation");
    assert_eq!(code(ec2.delete_security_group().group_id(&group).send().await), "DependencyViolation");
    pass(Duration::from_secs(60)).await;
    assert_eq!(state(&account, &id).await, InstanceStateName::Terminated);
    assert_eq!(ec2.describe_volumes().send().await.unwrap().volumes(), []);
    ec2.delete_subnet().subnet_id(&subnet).send().await.unwrap();
    pass(Duration::from_secs(3600)).await;
    let gone = ec2.describe_instances().instance_ids(&id).send().await;
    assert_eq!(code(gone), "InvalidInstanceID.NotFound");
}

#[tokio::test(start_paused = true)]
async fn interfaces_of_the_vpc_cni_outlive_their_instance() {
    let account = account();
    let ec2 = account.ec2();
    let vpc = vpc(&ec2, "10.0.0.0/16").await;
    let subnet = subnet(&ec2, &vpc, "10.0.0.0/24", "eu-west-1a").await;
    let id = instance(&account, &subnet, &[]);
    let extra = account.with(|world| extra_interface(world, &subnet, &id));
    let delete = || ec2.delete_network_interface().network_interface_id(&extra).send();
    assert_eq!(code(delete().await), "InvalidNetworkInterface.InUse");
    ec2.terminate_instances().instance_ids(&id).send().await.unwrap();
    pass(Duration::from_secs(60)).await;
    let found =
        ec2.describe_network_interfaces().filters(filter("status", "available")).send().await.unwrap();
    assert_eq!(found.network_interfaces()[0].network_interface_id(), Some(&*extra));
    assert_eq!(code(ec2.delete_subnet().subnet_id(&subnet).send().await), "DependencyViolation");
    delete().await.unwrap();
    ec2.delete_subnet().subnet_id(&subnet).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_attached_volume_stays() {
    let account = account();
    let ec2 = account.ec2();
    let subnets = ec2.describe_subnets().send().await.unwrap();
    let id = instance(&account, subnets.subnets()[0].subnet_id().unwrap(), &[]);
    let volumes = ec2.describe_volumes().filters(filter("attachment.instance-id", &id)).send().await.unwrap();
    let [volume] = volumes.volumes() else { panic!("{volumes:?}") };
    assert_eq!(volume.encrypted(), Some(true));
    let delete = ec2.delete_volume().volume_id(volume.volume_id().unwrap()).send().await;
    assert_eq!(code(delete), "VolumeInUse");
}

#[tokio::test(start_paused = true)]
async fn instance_types_tell_their_architecture_and_where_they_are_offered() {
    let account = account();
    let ec2 = account.ec2();
    let describe = |kind: &str| ec2.describe_instance_types().instance_types(InstanceType::from(kind)).send();
    for (kind, architecture, cpus, memory) in [
        ("m7i.large", "x86_64", 2, 8192),
        ("t4g.medium", "arm64", 2, 4096),
        ("r7g.xlarge", "arm64", 4, 32768),
    ] {
        let found = describe(kind).await.unwrap();
        let found = &found.instance_types()[0];
        assert_eq!(found.processor_info().unwrap().supported_architectures()[0].as_str(), architecture);
        assert_eq!(found.v_cpu_info().unwrap().default_v_cpus(), Some(cpus));
        assert_eq!(found.memory_info().unwrap().size_in_mib(), Some(memory));
    }
    assert_eq!(code(describe("m7i.enormous").await), "InvalidInstanceType");
    let offered = ec2.describe_instance_type_offerings().location_type(LocationType::AvailabilityZone);
    let offered = offered.filters(filter("instance-type", "m7i.large")).send().await.unwrap();
    assert_eq!(offered.instance_type_offerings().len(), 3);
}

fn data(image: &str) -> RequestLaunchTemplateData {
    let volume = LaunchTemplateEbsBlockDeviceRequest::builder().encrypted(true).volume_size(50);
    let volume = volume.volume_type(VolumeType::Gp3).build();
    let device =
        LaunchTemplateBlockDeviceMappingRequest::builder().device_name("/dev/xvda").ebs(volume).build();
    let metadata = LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .http_tokens(LaunchTemplateHttpTokensState::Required)
        .http_put_response_hop_limit(1)
        .build();
    let tags = LaunchTemplateTagSpecificationRequest::builder()
        .resource_type(ResourceType::Instance)
        .tags(Tag::builder().key("b").value("2").build())
        .tags(Tag::builder().key("a").value("1").build())
        .build();
    RequestLaunchTemplateData::builder()
        .image_id(image)
        .block_device_mappings(device)
        .metadata_options(metadata)
        .tag_specifications(tags)
        .build()
}

#[tokio::test(start_paused = true)]
async fn launch_template_versions_keep_their_data_and_latest_and_default_move() {
    let account = account();
    let ec2 = account.ec2();
    let create =
        || ec2.create_launch_template().launch_template_name("nodes").launch_template_data(data("ami-1"));
    let made = create().send().await.unwrap();
    let id = made.launch_template().unwrap().launch_template_id().unwrap().to_owned();
    let again = create().send().await;
    assert_eq!(code(again), "InvalidLaunchTemplateName.AlreadyExistsException");
    let next =
        ec2.create_launch_template_version().launch_template_id(&id).launch_template_data(data("ami-2"));
    let next = next.send().await.unwrap();
    assert_eq!(next.launch_template_version().unwrap().version_number(), Some(2));
    let image = async |version: &str| {
        let found =
            ec2.describe_launch_template_versions().launch_template_id(&id).versions(version).send().await;
        let found = found.unwrap().launch_template_versions()[0].clone();
        found.launch_template_data().unwrap().image_id().unwrap().to_owned()
    };
    assert_eq!((image("$Latest").await, image("$Default").await), ("ami-2".to_owned(), "ami-1".to_owned()));
    let seen = account.with(|world| launch_template(world, Some(&id), None, Some("$Latest"))).unwrap();
    assert_eq!((seen.version, seen.instance_tags.len()), ("2".to_owned(), 2));
    ec2.modify_launch_template().launch_template_id(&id).default_version("2").send().await.unwrap();
    assert_eq!(image("$Default").await, "ami-2");
    let all = ec2.describe_launch_template_versions().launch_template_id(&id).send().await.unwrap();
    let kept = all.launch_template_versions()[1].launch_template_data().unwrap();
    let volume = kept.block_device_mappings()[0].ebs().unwrap();
    assert_eq!((volume.volume_size(), volume.encrypted()), (Some(50), Some(true)));
    assert_eq!(
        kept.metadata_options().unwrap().http_tokens(),
        Some(&LaunchTemplateHttpTokensState::Required)
    );
    let delete = ec2.delete_launch_template_versions().launch_template_id(&id).versions("1").versions("2");
    let deleted = delete.send().await.unwrap();
    assert_eq!(deleted.successfully_deleted_launch_template_versions().len(), 1);
    assert_eq!(deleted.unsuccessfully_deleted_launch_template_versions().len(), 1);
    let missing = ec2.describe_launch_template_versions().launch_template_id(&id).versions("1").send().await;
    assert_eq!(code(missing), "InvalidLaunchTemplateId.VersionNotFound");
}

#[tokio::test(start_paused = true)]
async fn launch_template_data_that_is_not_simulated_is_refused() {
    let account = account();
    let placement =
        LaunchTemplatePlacementRequest::builder().tenancy(aws_sdk_ec2::types::Tenancy::Dedicated).build();
    let data = RequestLaunchTemplateData::builder().placement(placement).build();
    let create =
        account.ec2().create_launch_template().launch_template_name("nodes").launch_template_data(data);
    assert_eq!(code(create.send().await), "NotSimulated");
}
