//! How the instances of a node group start
//! (<https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html>).
//!
//! A change makes a new version and then makes that the default one; an interruption in between leaves a version that
//! nobody uses. Security groups are left to EKS, which takes those of the cluster where a template names none.
//! Instances answer metadata requests with session tokens only (IMDSv2), two hops away so that pods without host
//! network get an answer, too.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{
    InstanceType, LaunchTemplate as Description, LaunchTemplateBlockDeviceMappingRequest,
    LaunchTemplateEbsBlockDeviceRequest, LaunchTemplateHttpTokensState,
    LaunchTemplateInstanceMetadataEndpointState, LaunchTemplateInstanceMetadataOptionsRequest,
    LaunchTemplateTagSpecificationRequest, LaunchTemplateVersion, RequestLaunchTemplateData, ResourceType,
    ResponseLaunchTemplateData, Tag, VolumeType,
};
use futures::future::try_join_all;
use holodeck_engine::{Error, FieldChange, Input, Observed, Output, Resource, Status};
use serde::{Deserialize, Serialize};

use crate::aws::answer::{Answer, Given};
use crate::aws::client::Aws;
use crate::aws::ec2_tags;
use crate::aws::owner::{self, ENVIRONMENT, Tag as _, Tags};

/// A launch template. Its name on AWS is the environment's, a hyphen and its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LaunchTemplate {
    /// The instance type; empty where the node group chooses among several.
    pub instance_type: String,
    /// Volumes by device name, such as `/dev/xvda`.
    pub volumes: BTreeMap<String, Volume>,
    /// How instances learn about themselves.
    pub metadata: Metadata,
    /// Tags of what is launched, by its resource type: `instance`, `volume`, `network-interface`.
    pub launched: BTreeMap<String, Tags>,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// A volume of an instance, which goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Its size in GiB.
    pub size_gib: i32,
    /// Its type, such as `gp3`.
    pub kind: String,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// ARN of the KMS key that encrypts it.
    pub key: Input<String>,
}

/// How instances learn about themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Whether requests need a session token (IMDSv2).
    pub tokens_required: bool,
    /// How many hops an answer may travel.
    pub hop_limit: i32,
}

/// What a launch template puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    id: String,
    version: String,
}

/// What nodes launch: all of it is found again by the environment's tag.
const LAUNCHED: [ResourceType; 3] =
    [ResourceType::Instance, ResourceType::Volume, ResourceType::NetworkInterface];

impl LaunchTemplate {
    /// The template's id.
    pub const ID: Output<Self, String> = Output::new("id");
    /// Its default version, a number, which every change raises.
    pub const VERSION: Output<Self, String> = Output::new("version");

    /// The template of nodes of an environment whose root volume is `volume` on `device`. Empty `instance_type`: the
    /// node group chooses. `tags` are put on the template and on all that it launches.
    pub fn of_nodes(
        environment: &str,
        instance_type: impl Into<String>,
        device: impl Into<String>,
        volume: Volume,
        tags: Tags,
    ) -> Self {
        let mut launched = tags.clone();
        launched.insert(ENVIRONMENT.to_owned(), environment.to_owned());
        Self {
            instance_type: instance_type.into(),
            volumes: BTreeMap::from([(device.into(), volume)]),
            metadata: Metadata { tokens_required: true, hop_limit: 2 },
            launched: LAUNCHED.iter().map(|kind| (kind.as_str().to_owned(), launched.clone())).collect(),
            tags,
        }
    }
}

impl Volume {
    /// An encrypted volume of the general purpose.
    pub fn encrypted(size_gib: i32, key: Input<String>) -> Self {
        Self { size_gib, kind: VolumeType::Gp3.as_str().to_owned(), encrypted: true, key }
    }
}

impl Resource for LaunchTemplate {
    const KIND: &'static str = "aws.launch_template";
    type Outputs = Outputs;
    type Client = Aws;
    const VOLATILE: &'static [&'static str] = &["version"];

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let request = aws.ec2.describe_launch_templates().filters(ec2_tags::owned(aws));
        let pages = request.into_paginator().items().send();
        let found: Vec<Description> =
            pages.collect::<Result<_, _>>().await.answer("DescribeLaunchTemplates")?;
        let observed = try_join_all(found.into_iter().map(|found| observe(aws, found))).await?;
        Ok(observed.into_iter().flatten().collect())
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let tags = ec2_tags::specification(aws, ResourceType::LaunchTemplate, name, &self.tags);
        let request = aws.ec2_once.create_launch_template().launch_template_name(aws.owner.prefixed(name));
        let request = request.launch_template_data(self.data()?).tag_specifications(tags);
        request.send().await.answer("CreateLaunchTemplate")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        if changes.iter().any(|change| !change.is_within("tags")) {
            let request = aws.ec2.create_launch_template_version().launch_template_id(&seen.id);
            let answer = request.launch_template_data(self.data()?).send().await;
            let version = answer.answer("CreateLaunchTemplateVersion")?.launch_template_version;
            let number =
                version.and_then(|version| version.version_number).given("the number of a version")?;
            let request = aws.ec2.modify_launch_template().launch_template_id(&seen.id);
            request.default_version(number.to_string()).send().await.answer("ModifyLaunchTemplate")?;
        }
        if changes.iter().any(|change| change.is_within("tags")) {
            ec2_tags::set(aws, &seen.id, &self.tags).await?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let request = aws.ec2.delete_launch_template().launch_template_id(&seen.id).send().await;
        request.removed("DeleteLaunchTemplate", &["InvalidLaunchTemplateId.NotFound"], &[])
    }
}

impl LaunchTemplate {
    fn data(&self) -> Result<RequestLaunchTemplateData, Error> {
        let volumes = self.volumes.iter().map(|(device, volume)| volume.mapping(device));
        let instance_type = Some(InstanceType::from(self.instance_type.as_str()));
        let tokens = match self.metadata.tokens_required {
            true => LaunchTemplateHttpTokensState::Required,
            false => LaunchTemplateHttpTokensState::Optional,
        };
        let metadata = LaunchTemplateInstanceMetadataOptionsRequest::builder()
            .http_endpoint(LaunchTemplateInstanceMetadataEndpointState::Enabled)
            .http_tokens(tokens)
            .http_put_response_hop_limit(self.metadata.hop_limit);
        let launched = self.launched.iter().map(|(kind, tags)| {
            let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
            LaunchTemplateTagSpecificationRequest::builder()
                .resource_type(ResourceType::from(kind.as_str()))
                .set_tags(Some(tags.collect()))
                .build()
        });
        Ok(RequestLaunchTemplateData::builder()
            .set_instance_type(instance_type.filter(|_| !self.instance_type.is_empty()))
            .set_block_device_mappings(Some(volumes.collect::<Result<_, _>>()?))
            .metadata_options(metadata.build())
            .set_tag_specifications(Some(launched.collect()))
            .build())
    }
}

impl Volume {
    fn mapping(&self, device: &str) -> Result<LaunchTemplateBlockDeviceMappingRequest, Error> {
        let volume = LaunchTemplateEbsBlockDeviceRequest::builder()
            .volume_size(self.size_gib)
            .volume_type(VolumeType::from(self.kind.as_str()))
            .encrypted(self.encrypted)
            .kms_key_id(self.key.get()?)
            .delete_on_termination(true);
        Ok(LaunchTemplateBlockDeviceMappingRequest::builder().device_name(device).ebs(volume.build()).build())
    }
}

async fn observe(aws: &Aws, found: Description) -> Result<Option<Observed<LaunchTemplate>>, Error> {
    let Some((name, tags)) = aws.owner.recognise(found.tags()) else { return Ok(None) };
    let id = found.launch_template_id.given("the id of a launch template")?;
    let version = found.default_version_number.given("the default version of a launch template")?.to_string();
    let request = aws.ec2.describe_launch_template_versions().launch_template_id(&id).versions(&version);
    let answer = request.send().await.answer_unless(
        "DescribeLaunchTemplateVersions",
        &["InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateId.VersionNotFound"],
    )?;
    // Where the version is gone, so is the template, since the list.
    let versions: Vec<LaunchTemplateVersion> =
        answer.and_then(|answer| answer.launch_template_versions).unwrap_or_default();
    let Some(data) = versions.into_iter().find_map(|version| version.launch_template_data) else {
        return Ok(None);
    };
    let attributes = LaunchTemplate { tags, ..described(&data) };
    let outputs = Outputs { id: id.clone(), version };
    Ok(Some(Observed { name, id, attributes, outputs, status: Status::Ready, uses: Vec::new() }))
}

/// What a version says, as attributes; tags of the template itself stand elsewhere.
fn described(data: &ResponseLaunchTemplateData) -> LaunchTemplate {
    let volumes = data.block_device_mappings().iter().filter_map(|mapping| {
        let volume = mapping.ebs()?;
        let described = Volume {
            size_gib: volume.volume_size().unwrap_or_default(),
            kind: volume.volume_type().map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
            encrypted: volume.encrypted().unwrap_or_default(),
            key: volume.kms_key_id().unwrap_or_default().into(),
        };
        Some((mapping.device_name()?.to_owned(), described))
    });
    let launched = data.tag_specifications().iter().filter_map(|specification| {
        let tags = specification.tags().iter().filter_map(|tag| {
            Some((tag.key_of()?.to_owned(), tag.value_of().unwrap_or_default().to_owned()))
        });
        Some((specification.resource_type()?.as_str().to_owned(), tags.collect()))
    });
    let metadata = data.metadata_options();
    let tokens = metadata.and_then(|options| options.http_tokens());
    LaunchTemplate {
        instance_type: data.instance_type().map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
        volumes: volumes.collect(),
        metadata: Metadata {
            tokens_required: tokens == Some(&LaunchTemplateHttpTokensState::Required),
            hop_limit: metadata.and_then(|options| options.http_put_response_hop_limit()).unwrap_or(1),
        },
        launched: launched.collect(),
        tags: Tags::new(),
    }
}
