//! What a version of a launch template says, as it is kept
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RequestLaunchTemplateData.html>).
//!
//! Invariant: nothing of a request is lost: what is not kept here is refused.

use aws_sdk_ec2::types::{
    InstanceType, LaunchTemplateBlockDeviceMapping, LaunchTemplateBlockDeviceMappingRequest,
    LaunchTemplateEbsBlockDevice, LaunchTemplateEbsBlockDeviceRequest, LaunchTemplateHttpTokensState,
    LaunchTemplateInstanceMetadataEndpointState, LaunchTemplateInstanceMetadataOptions,
    LaunchTemplateInstanceMetadataOptionsRequest, LaunchTemplateInstanceMetadataOptionsState,
    LaunchTemplateInstanceMetadataProtocolIpv6, LaunchTemplateInstanceMetadataTagsState,
    LaunchTemplateTagSpecification, LaunchTemplateTagSpecificationRequest, LaunchTemplatesMonitoring,
    LaunchTemplatesMonitoringRequest, RequestLaunchTemplateData, ResourceType, ResponseLaunchTemplateData,
    Tag, VolumeType,
};
use serde::{Deserialize, Serialize};

use super::request;
use crate::aws::{Answer, ApiError, Tags};

/// A version's data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Data {
    pub(super) image: Option<String>,
    pub(super) instance_type: Option<String>,
    key_name: Option<String>,
    user_data: Option<String>,
    ebs_optimized: Option<bool>,
    monitoring: Option<Option<bool>>,
    pub(super) security_groups: Option<Vec<String>>,
    devices: Option<Vec<Device>>,
    metadata: Option<Metadata>,
    tags: Option<Vec<(String, Tags)>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Device {
    name: Option<String>,
    volume: Option<Volume>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Volume {
    encrypted: Option<bool>,
    delete_on_termination: Option<bool>,
    iops: Option<i32>,
    kms_key: Option<String>,
    snapshot: Option<String>,
    size_gib: Option<i32>,
    volume_type: Option<String>,
    throughput: Option<i32>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Metadata {
    tokens: Option<String>,
    hop_limit: Option<i32>,
    endpoint: Option<String>,
    ipv6: Option<String>,
    tags: Option<String>,
}

fn text<T: ToString>(value: Option<&T>) -> Option<String> {
    value.map(ToString::to_string)
}

impl Data {
    /// The data of a request; an error when something in it is not simulated.
    pub(super) fn read(request: &RequestLaunchTemplateData) -> Answer<Self> {
        let data = Self {
            image: request.image_id.clone(),
            instance_type: text(request.instance_type.as_ref()),
            key_name: request.key_name.clone(),
            user_data: request.user_data.clone(),
            ebs_optimized: request.ebs_optimized,
            monitoring: request.monitoring.as_ref().map(|monitoring| monitoring.enabled),
            security_groups: request.security_group_ids.clone(),
            devices: request.block_device_mappings.as_ref().map(|all| all.iter().map(Device::read).collect()),
            metadata: request.metadata_options.as_ref().map(Metadata::read),
            tags: request.tag_specifications.as_ref().map(|all| {
                let kind = |kind: &Option<ResourceType>| text(kind.as_ref()).unwrap_or_default();
                all.iter().map(|one| (kind(&one.resource_type), request::tags_of(one.tags()))).collect()
            }),
        };
        if data.same_as_request(request) {
            Ok(data)
        } else {
            let message = "The sandbox does not simulate some part of this launch template's data.";
            Err(ApiError::new("NotSimulated", message))
        }
    }

    /// The tags that instances get.
    pub(super) fn instance_tags(&self) -> Tags {
        let of_instances = |(kind, _): &&(String, Tags)| kind == ResourceType::Instance.as_str();
        self.tags.iter().flatten().filter(of_instances).flat_map(|(_, tags)| tags.clone()).collect()
    }

    fn same_as_request(&self, request: &RequestLaunchTemplateData) -> bool {
        let monitoring =
            self.monitoring.map(|on| LaunchTemplatesMonitoringRequest::builder().set_enabled(on).build());
        let devices = self.devices.as_ref().map(|all| all.iter().map(Device::request).collect());
        let sorted = |specification: &LaunchTemplateTagSpecificationRequest| {
            let tags = shown(&request::tags_of(specification.tags()));
            LaunchTemplateTagSpecificationRequest::builder()
                .set_resource_type(specification.resource_type.clone())
                .set_tags(Some(tags))
                .build()
        };
        let again = RequestLaunchTemplateData::builder()
            .set_image_id(self.image.clone())
            .set_instance_type(self.instance_type.as_deref().map(InstanceType::from))
            .set_key_name(self.key_name.clone())
            .set_user_data(self.user_data.clone())
            .set_ebs_optimized(self.ebs_optimized)
            .set_monitoring(monitoring)
            .set_security_group_ids(self.security_groups.clone())
            .set_block_device_mappings(devices)
            .set_metadata_options(self.metadata.as_ref().map(Metadata::request))
            .build();
        let mut given = request.clone();
        let kinds = given.tag_specifications.take();
        let kinds: Option<Vec<_>> = kinds.map(|all| all.iter().map(sorted).collect());
        let kept: Option<Vec<_>> = self.tags.as_ref().map(|all| {
            let one = |(kind, tags): &(String, Tags)| {
                LaunchTemplateTagSpecificationRequest::builder()
                    .resource_type(ResourceType::from(&**kind))
                    .set_tags(Some(shown(tags)))
                    .build()
            };
            all.iter().map(one).collect()
        });
        again == given && kept == kinds
    }

    /// The data as it is answered.
    pub(super) fn show(&self) -> ResponseLaunchTemplateData {
        let monitoring =
            self.monitoring.map(|on| LaunchTemplatesMonitoring::builder().set_enabled(on).build());
        let devices = self.devices.as_ref().map(|all| all.iter().map(Device::show).collect());
        let tags = self.tags.as_ref().map(|all| {
            let one = |(kind, tags): &(String, Tags)| {
                LaunchTemplateTagSpecification::builder()
                    .resource_type(ResourceType::from(&**kind))
                    .set_tags(Some(shown(tags)))
                    .build()
            };
            all.iter().map(one).collect()
        });
        ResponseLaunchTemplateData::builder()
            .set_image_id(self.image.clone())
            .set_instance_type(self.instance_type.as_deref().map(InstanceType::from))
            .set_key_name(self.key_name.clone())
            .set_user_data(self.user_data.clone())
            .set_ebs_optimized(self.ebs_optimized)
            .set_monitoring(monitoring)
            .set_security_group_ids(self.security_groups.clone())
            .set_block_device_mappings(devices)
            .set_metadata_options(self.metadata.as_ref().map(Metadata::show))
            .set_tag_specifications(tags)
            .build()
    }
}

fn shown(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

impl Device {
    fn read(request: &LaunchTemplateBlockDeviceMappingRequest) -> Self {
        Self { name: request.device_name.clone(), volume: request.ebs.as_ref().map(Volume::read) }
    }

    fn request(&self) -> LaunchTemplateBlockDeviceMappingRequest {
        LaunchTemplateBlockDeviceMappingRequest::builder()
            .set_device_name(self.name.clone())
            .set_ebs(self.volume.as_ref().map(Volume::request))
            .build()
    }

    fn show(&self) -> LaunchTemplateBlockDeviceMapping {
        LaunchTemplateBlockDeviceMapping::builder()
            .set_device_name(self.name.clone())
            .set_ebs(self.volume.as_ref().map(Volume::show))
            .build()
    }
}

/// The request's and the answer's type of a thing have the same fields and no type in common.
macro_rules! volume {
    ($volume:ident, $type:ident) => {
        $type::builder()
            .set_encrypted($volume.encrypted)
            .set_delete_on_termination($volume.delete_on_termination)
            .set_iops($volume.iops)
            .set_kms_key_id($volume.kms_key.clone())
            .set_snapshot_id($volume.snapshot.clone())
            .set_volume_size($volume.size_gib)
            .set_volume_type($volume.volume_type.as_deref().map(VolumeType::from))
            .set_throughput($volume.throughput)
            .build()
    };
}

impl Volume {
    fn read(request: &LaunchTemplateEbsBlockDeviceRequest) -> Self {
        Self {
            encrypted: request.encrypted,
            delete_on_termination: request.delete_on_termination,
            iops: request.iops,
            kms_key: request.kms_key_id.clone(),
            snapshot: request.snapshot_id.clone(),
            size_gib: request.volume_size,
            volume_type: text(request.volume_type.as_ref()),
            throughput: request.throughput,
        }
    }

    fn request(&self) -> LaunchTemplateEbsBlockDeviceRequest {
        volume!(self, LaunchTemplateEbsBlockDeviceRequest)
    }

    fn show(&self) -> LaunchTemplateEbsBlockDevice {
        volume!(self, LaunchTemplateEbsBlockDevice)
    }
}

macro_rules! metadata {
    ($metadata:ident, $type:ident) => {
        $type::builder()
            .set_http_tokens($metadata.tokens.as_deref().map(LaunchTemplateHttpTokensState::from))
            .set_http_put_response_hop_limit($metadata.hop_limit)
            .set_http_endpoint(
                $metadata.endpoint.as_deref().map(LaunchTemplateInstanceMetadataEndpointState::from),
            )
            .set_http_protocol_ipv6(
                $metadata.ipv6.as_deref().map(LaunchTemplateInstanceMetadataProtocolIpv6::from),
            )
            .set_instance_metadata_tags(
                $metadata.tags.as_deref().map(LaunchTemplateInstanceMetadataTagsState::from),
            )
    };
}

impl Metadata {
    fn read(request: &LaunchTemplateInstanceMetadataOptionsRequest) -> Self {
        Self {
            tokens: text(request.http_tokens.as_ref()),
            hop_limit: request.http_put_response_hop_limit,
            endpoint: text(request.http_endpoint.as_ref()),
            ipv6: text(request.http_protocol_ipv6.as_ref()),
            tags: text(request.instance_metadata_tags.as_ref()),
        }
    }

    fn request(&self) -> LaunchTemplateInstanceMetadataOptionsRequest {
        metadata!(self, LaunchTemplateInstanceMetadataOptionsRequest).build()
    }

    fn show(&self) -> LaunchTemplateInstanceMetadataOptions {
        let state = LaunchTemplateInstanceMetadataOptionsState::Pending;
        metadata!(self, LaunchTemplateInstanceMetadataOptions).state(state).build()
    }
}
