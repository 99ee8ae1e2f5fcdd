//! Instances (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html>).
//!
//! They are launched by auto scaling. An ended one keeps its interface and root volume until it is `terminated`, and is
//! shown for about an hour after that.

use aws_sdk_ec2::operation::describe_instances::{DescribeInstancesInput, DescribeInstancesOutput};
use aws_sdk_ec2::operation::terminate_instances::{TerminateInstancesInput, TerminateInstancesOutput};
use aws_sdk_ec2::types::{
    self, AttachmentStatus, EbsInstanceBlockDevice, GroupIdentifier, IamInstanceProfile,
    InstanceBlockDeviceMapping, InstanceLifecycleType, InstanceNetworkInterface, InstanceState,
    InstanceStateChange, InstanceStateName, InstanceType, Placement, Reservation,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::address;
use super::durations::{INSTANCE_RUNNING, INSTANCE_SHOWN, INSTANCE_TERMINATED};
use super::interface::{self, Interface, NewInterface, make_interface};
use super::request::{self, not_found};
use super::volume::{self, NewVolume};
use super::{security_group, subnet};
use crate::aws::filters::{Fields, each, one};
use crate::aws::{Answer, Services, Tags, World, date_time};

/// An instance.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Instance {
    reservation: String,
    instance_type: String,
    image: String,
    profile: Option<String>,
    spot: bool,
    subnet: String,
    vpc: String,
    zone: String,
    groups: Vec<String>,
    /// Kept beyond the interface: a node is known by it until the end.
    private_name: String,
    launched: Timestamp,
    ended: Option<Timestamp>,
    is_released: bool,
}

/// What an instance to launch is like.
pub(crate) struct NewInstance {
    /// Such as `m7i.large`.
    pub instance_type: String,
    /// The machine image's id.
    pub image_id: String,
    /// Where it runs.
    pub subnet_id: String,
    /// The VPC's default group when empty.
    pub security_groups: Vec<String>,
    /// The ARN of its instance profile.
    pub instance_profile: Option<String>,
    /// Whether it runs on spare capacity.
    pub spot: bool,
    /// Its tags.
    pub tags: Tags,
    /// When.
    pub launched: Timestamp,
}

const ROOT_DEVICE: &str = "/dev/xvda";
const ROOT_GIB: i32 = 20;

const FIELDS: &Fields<types::Instance> = &[
    ("availability-zone", |instance| one(instance.placement().and_then(|place| place.availability_zone()))),
    ("iam-instance-profile.arn", |instance| {
        one(instance.iam_instance_profile().and_then(|profile| profile.arn()))
    }),
    ("image-id", |instance| one(instance.image_id())),
    ("instance-id", |instance| one(instance.instance_id())),
    ("instance-lifecycle", |instance| one(instance.instance_lifecycle())),
    ("instance-state-name", |instance| one(instance.state().and_then(|state| state.name()))),
    ("instance-type", |instance| one(instance.instance_type())),
    ("instance.group-id", |instance| each(instance.security_groups(), GroupIdentifier::group_id)),
    ("ip-address", |instance| one(instance.public_ip_address())),
    ("private-dns-name", |instance| one(instance.private_dns_name())),
    ("private-ip-address", |instance| one(instance.private_ip_address())),
    ("subnet-id", |instance| one(instance.subnet_id())),
    ("vpc-id", |instance| one(instance.vpc_id())),
];

pub(super) fn register(services: &mut Services) {
    super::operations!(
        services,
        describe_instances: DescribeInstancesInput,
        terminate_instances: TerminateInstancesInput,
    );
}

/// Launches an instance with an interface and an encrypted root volume, for auto scaling.
pub(crate) fn launch_instance(world: &mut World, new: NewInstance) -> Answer<String> {
    let place = subnet::find(world, &new.subnet_id)?.clone();
    let id = world.id("i");
    let interface = make_interface(
        world,
        NewInterface {
            subnet_id: new.subnet_id.clone(),
            description: String::new(),
            security_groups: new.security_groups,
            requester_managed: false,
            instance_id: Some(id.clone()),
            tags: Tags::new(),
            created: new.launched,
        },
    )?;
    if place.map_public_ip {
        address::give_public_address(world, &interface, None)?;
    }
    let (private_name, groups) = match world.ec2.interfaces.get(&interface) {
        Some(interface) => (interface.private_name(&world.region), interface.groups.clone()),
        None => (String::new(), Vec::new()),
    };
    volume::make_volume(
        world,
        NewVolume {
            zone: place.zone.clone(),
            size_gib: ROOT_GIB,
            volume_type: "gp3".to_owned(),
            encrypted: true,
            kms_key: None,
            attached: Some((id.clone(), ROOT_DEVICE.to_owned())),
            delete_on_termination: true,
            tags: Tags::new(),
            created: new.launched,
        },
    );
    let instance = Instance {
        reservation: world.id("r"),
        instance_type: new.instance_type,
        image: new.image_id,
        profile: new.instance_profile,
        spot: new.spot,
        subnet: new.subnet_id,
        vpc: place.vpc,
        zone: place.zone,
        groups,
        private_name,
        launched: new.launched,
        ended: None,
        is_released: false,
    };
    world.ec2.instances.insert(id.clone(), instance);
    world.ec2.tags.insert(id.clone(), new.tags);
    Ok(id)
}

/// Begins the end of an instance at `when`; one that has begun before goes on.
pub(crate) fn end_instance(world: &mut World, id: &str, when: Timestamp) {
    if let Some(instance) = world.ec2.instances.get_mut(id) {
        instance.ended.get_or_insert(when);
    }
}

/// Whether an instance exists and its end has not begun.
pub(crate) fn instance_alive(world: &World, id: &str) -> bool {
    world.ec2.instances.get(id).is_some_and(|instance| instance.ended.is_none())
}

/// When the end of an instance began.
pub(crate) fn instance_ended(world: &World, id: &str) -> Option<Timestamp> {
    world.ec2.instances.get(id)?.ended
}

/// The subnet and the security groups of an instance.
pub(crate) fn instance_network(world: &World, id: &str) -> Option<(String, Vec<String>)> {
    world.ec2.instances.get(id).map(|instance| (instance.subnet.clone(), instance.groups.clone()))
}

/// The name of an instance in its VPC, by which Kubernetes knows its node.
pub(crate) fn instance_private_dns(world: &World, id: &str) -> Option<String> {
    world.ec2.instances.get(id).map(|instance| instance.private_name.clone())
}

/// Lets ended instances give up what they hold, and forgets them after their time.
pub(super) fn settle(world: &mut World) {
    let now = world.now;
    let is_over = |instance: &Instance| instance.state(now) == InstanceStateName::Terminated;
    let due =
        world.ec2.instances.iter_mut().filter(|(_, instance)| is_over(instance) && !instance.is_released);
    let mut over = Vec::new();
    for (id, instance) in due {
        instance.is_released = true;
        over.push(id.clone());
    }
    for id in over {
        interface::release_of_instance(world, &id);
        volume::release_of_instance(world, &id);
    }
    let tags = &mut world.ec2.tags;
    world.ec2.instances.retain(|id, instance| {
        let forgotten = instance.ended.map(|ended| ended + INSTANCE_TERMINATED + INSTANCE_SHOWN);
        let is_shown = forgotten.is_none_or(|forgotten| now < forgotten);
        if !is_shown {
            tags.remove(id);
        }
        is_shown
    });
}

fn code(state: &InstanceStateName) -> i32 {
    match state {
        InstanceStateName::Pending => 0,
        InstanceStateName::Running => 16,
        InstanceStateName::ShuttingDown => 32,
        InstanceStateName::Stopping => 64,
        InstanceStateName::Stopped => 80,
        _ => 48,
    }
}

fn shown_state(state: InstanceStateName) -> InstanceState {
    InstanceState::builder().code(code(&state)).name(state).build()
}

impl Instance {
    fn state(&self, now: Timestamp) -> InstanceStateName {
        match self.ended {
            Some(ended) if now >= ended + INSTANCE_TERMINATED => InstanceStateName::Terminated,
            Some(ended) if now >= ended => InstanceStateName::ShuttingDown,
            _ if now >= self.launched + INSTANCE_RUNNING => InstanceStateName::Running,
            _ => InstanceStateName::Pending,
        }
    }

    fn show(&self, world: &World, id: &str) -> types::Instance {
        let held: Vec<(&String, &Interface)> = interface::attached_to(world, id).collect();
        let primary = held.iter().find(|(_, held)| held.attachment.as_ref().is_some_and(|a| a.device == 0));
        let public =
            primary.and_then(|(_, interface)| interface.lent_address).map(|address| address.to_string());
        let interfaces = held.iter().map(|(id, interface)| {
            InstanceNetworkInterface::builder()
                .network_interface_id(*id)
                .set_groups(Some(security_group::identifiers(world, &interface.groups)))
                .private_ip_address(interface.address.to_string())
                .subnet_id(&interface.subnet)
                .vpc_id(&interface.vpc)
                .build()
        });
        let profile = self.profile.as_ref().map(|arn| IamInstanceProfile::builder().arn(arn).build());
        let devices = volume::attached_to(world, id).map(|(volume, device)| {
            let ebs = EbsInstanceBlockDevice::builder()
                .volume_id(volume)
                .delete_on_termination(device.delete_on_termination)
                .status(AttachmentStatus::Attached);
            InstanceBlockDeviceMapping::builder().device_name(&device.name).ebs(ebs.build()).build()
        });
        let address = primary.map(|(_, interface)| interface.address.to_string());
        types::Instance::builder()
            .instance_id(id)
            .image_id(&self.image)
            .instance_type(InstanceType::from(&*self.instance_type))
            .launch_time(date_time(self.launched))
            .placement(Placement::builder().availability_zone(&self.zone).build())
            .set_iam_instance_profile(profile)
            .set_instance_lifecycle(self.spot.then_some(InstanceLifecycleType::Spot))
            .private_dns_name(address.as_ref().map_or("", |_| &self.private_name))
            .set_private_ip_address(address)
            .set_public_ip_address(public)
            .set_security_groups(Some(security_group::identifiers(world, &self.groups)))
            .set_network_interfaces(Some(interfaces.collect()))
            .set_block_device_mappings(Some(devices.collect()))
            .root_device_name(ROOT_DEVICE)
            .state(shown_state(self.state(world.now)))
            .subnet_id(&self.subnet)
            .vpc_id(&self.vpc)
            .set_tags(request::shown_tags(world, id))
            .build()
    }
}

fn describe_instances(world: &mut World, input: &DescribeInstancesInput) -> Answer<DescribeInstancesOutput> {
    let ids = input.instance_ids();
    let instances = request::by_ids(&world.ec2.instances, ids, "InvalidInstanceID.NotFound", "instance ID")?;
    let instances = instances.into_iter().map(|(id, instance)| instance.show(world, id));
    let instances = request::filtered(instances, input.filters(), FIELDS, types::Instance::tags)?;
    let (instances, next) = request::page(instances, input.next_token(), input.max_results())?;
    let reservations = instances.into_iter().map(|instance| {
        let kept = instance.instance_id().and_then(|id| world.ec2.instances.get(id));
        Reservation::builder()
            .owner_id(&world.account)
            .set_reservation_id(kept.map(|kept| kept.reservation.clone()))
            .instances(instance)
            .build()
    });
    let output = DescribeInstancesOutput::builder().set_reservations(Some(reservations.collect()));
    Ok(output.set_next_token(next).build())
}

fn terminate_instances(
    world: &mut World,
    input: &TerminateInstancesInput,
) -> Answer<TerminateInstancesOutput> {
    let unknown = |id: &&String| !world.ec2.instances.contains_key(*id);
    if let Some(id) = input.instance_ids().iter().find(unknown) {
        return Err(not_found("InvalidInstanceID.NotFound", "instance ID", id));
    }
    let now = world.now;
    let mut changes = Vec::new();
    for id in input.instance_ids() {
        let Some(instance) = world.ec2.instances.get_mut(id) else { continue };
        let before = instance.state(now);
        instance.ended.get_or_insert(now);
        let change = InstanceStateChange::builder()
            .instance_id(id)
            .previous_state(shown_state(before))
            .current_state(shown_state(instance.state(now)));
        changes.push(change.build());
    }
    Ok(TerminateInstancesOutput::builder().set_terminating_instances(Some(changes)).build())
}
