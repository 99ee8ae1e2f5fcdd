//! EBS volumes (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html>), made with instances
//! and by the CSI driver.

use aws_sdk_ec2::operation::delete_volume::{DeleteVolumeInput, DeleteVolumeOutput};
use aws_sdk_ec2::operation::describe_volumes::{DescribeVolumesInput, DescribeVolumesOutput};
use aws_sdk_ec2::types::{self, VolumeAttachment, VolumeAttachmentState, VolumeState, VolumeType};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::request::{self, not_found, required};
use crate::aws::filters::{Fields, each, one};
use crate::aws::{Answer, ApiError, Services, Tags, World, date_time};

/// A volume.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Volume {
    zone: String,
    size_gib: i32,
    volume_type: String,
    encrypted: bool,
    kms_key: Option<String>,
    created: Timestamp,
    device: Option<Device>,
}

/// Where a volume is attached.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Device {
    instance: String,
    pub(super) name: String,
    pub(super) delete_on_termination: bool,
}

/// What a volume to make is like.
pub(super) struct NewVolume {
    /// The zone that it lies in.
    pub zone: String,
    /// Its size in GiB.
    pub size_gib: i32,
    /// Such as `gp3`.
    pub volume_type: String,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The ARN of the key, where it is not that of AWS.
    pub kms_key: Option<String>,
    /// The instance and the device's name, where it is attached.
    pub attached: Option<(String, String)>,
    /// Whether it goes with the instance.
    pub delete_on_termination: bool,
    /// Its tags.
    pub tags: Tags,
    /// When it was made.
    pub created: Timestamp,
}

const FIELDS: &Fields<types::Volume> = &[
    ("attachment.instance-id", |volume| each(volume.attachments(), VolumeAttachment::instance_id)),
    ("attachment.status", |volume| each(volume.attachments(), VolumeAttachment::state)),
    ("availability-zone", |volume| one(volume.availability_zone())),
    ("encrypted", |volume| one(volume.encrypted())),
    ("size", |volume| one(volume.size())),
    ("status", |volume| one(volume.state())),
    ("volume-id", |volume| one(volume.volume_id())),
    ("volume-type", |volume| one(volume.volume_type())),
];

pub(super) fn register(services: &mut Services) {
    super::operations!(services, delete_volume: DeleteVolumeInput, describe_volumes: DescribeVolumesInput);
}

/// Makes a volume and gives its id.
pub(super) fn make_volume(world: &mut World, new: NewVolume) -> String {
    let id = world.id("vol");
    let delete_on_termination = new.delete_on_termination;
    let device = new.attached.map(|(instance, name)| Device { instance, name, delete_on_termination });
    let volume = Volume {
        zone: new.zone,
        size_gib: new.size_gib,
        volume_type: new.volume_type,
        encrypted: new.encrypted,
        kms_key: new.kms_key,
        created: new.created,
        device,
    };
    world.ec2.volumes.insert(id.clone(), volume);
    world.ec2.tags.insert(id.clone(), new.tags);
    id
}

/// Removes a volume, attached or not.
pub(super) fn remove_volume(world: &mut World, id: &str) {
    world.ec2.volumes.remove(id);
    world.ec2.tags.remove(id);
}

/// The volumes of an instance.
pub(super) fn attached_to<'a>(
    world: &'a World,
    instance: &str,
) -> impl Iterator<Item = (&'a String, &'a Device)> {
    let devices = world.ec2.volumes.iter().filter_map(|(id, volume)| Some((id, volume.device.as_ref()?)));
    devices.filter(move |(_, device)| device.instance == instance)
}

/// Lets the volumes of an ended instance go: those made with it are removed, others detached.
pub(super) fn release_of_instance(world: &mut World, instance: &str) {
    let held: Vec<(String, bool)> =
        attached_to(world, instance).map(|(id, device)| (id.clone(), device.delete_on_termination)).collect();
    for (id, ends) in held {
        if ends {
            remove_volume(world, &id);
        } else if let Some(volume) = world.ec2.volumes.get_mut(&id) {
            volume.device = None;
        }
    }
}

impl Volume {
    fn show(&self, world: &World, id: &str) -> types::Volume {
        let attachment = self.device.as_ref().map(|device| {
            VolumeAttachment::builder()
                .volume_id(id)
                .instance_id(&device.instance)
                .device(&device.name)
                .delete_on_termination(device.delete_on_termination)
                .state(VolumeAttachmentState::Attached)
                .build()
        });
        types::Volume::builder()
            .volume_id(id)
            .availability_zone(&self.zone)
            .create_time(date_time(self.created))
            .encrypted(self.encrypted)
            .set_kms_key_id(self.kms_key.clone())
            .size(self.size_gib)
            .state(if attachment.is_some() { VolumeState::InUse } else { VolumeState::Available })
            .set_attachments(Some(attachment.into_iter().collect()))
            .volume_type(VolumeType::from(&*self.volume_type))
            .set_tags(request::shown_tags(world, id))
            .build()
    }
}

fn describe_volumes(world: &mut World, input: &DescribeVolumesInput) -> Answer<DescribeVolumesOutput> {
    let volumes =
        request::by_ids(&world.ec2.volumes, input.volume_ids(), "InvalidVolume.NotFound", "volume")?;
    let volumes = volumes.into_iter().map(|(id, volume)| volume.show(world, id));
    let volumes = request::filtered(volumes, input.filters(), FIELDS, types::Volume::tags)?;
    let (volumes, next) = request::page(volumes, input.next_token(), input.max_results())?;
    Ok(DescribeVolumesOutput::builder().set_volumes(Some(volumes)).set_next_token(next).build())
}

fn delete_volume(world: &mut World, input: &DeleteVolumeInput) -> Answer<DeleteVolumeOutput> {
    let id = required(input.volume_id(), "volumeId")?;
    let volume =
        world.ec2.volumes.get(id).ok_or_else(|| not_found("InvalidVolume.NotFound", "volume", id))?;
    if let Some(device) = &volume.device {
        let message = format!("Volume {id} is currently attached to {}", device.instance);
        return Err(ApiError::new("VolumeInUse", message));
    }
    remove_volume(world, id);
    Ok(DeleteVolumeOutput::builder().build())
}
