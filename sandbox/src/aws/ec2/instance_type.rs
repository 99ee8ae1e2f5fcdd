//! Instance types and where they are offered, a part of AWS's list
//! (<https://docs.aws.amazon.com/ec2/latest/instancetypes/>).

use aws_sdk_ec2::operation::describe_instance_type_offerings::{
    DescribeInstanceTypeOfferingsInput, DescribeInstanceTypeOfferingsOutput,
};
use aws_sdk_ec2::operation::describe_instance_types::{
    DescribeInstanceTypesInput, DescribeInstanceTypesOutput,
};
use aws_sdk_ec2::types::{
    ArchitectureType, InstanceType, InstanceTypeHypervisor, InstanceTypeInfo, InstanceTypeOffering,
    LocationType, MemoryInfo, NetworkInfo, ProcessorInfo, UsageClassType, VCpuInfo,
};

use super::request;
use super::zone;
use crate::aws::filters::{Fields, each, one};
use crate::aws::{Answer, ApiError, Services, World};

/// Family, whether its processors are Graviton, GiB of memory for each virtual CPU.
const FAMILIES: &[(&str, bool, i64)] = &[
    ("c6g", true, 2),
    ("c6i", false, 2),
    ("c7g", true, 2),
    ("c7i", false, 2),
    ("c8g", true, 2),
    ("m6g", true, 4),
    ("m6i", false, 4),
    ("m7g", true, 4),
    ("m7i", false, 4),
    ("m8g", true, 4),
    ("r6g", true, 8),
    ("r6i", false, 8),
    ("r7g", true, 8),
    ("r7i", false, 8),
    ("r8g", true, 8),
];

/// Size, virtual CPUs, network interfaces, addresses of each.
const SIZES: &[(&str, i32, i32, i32)] = &[
    ("large", 2, 3, 10),
    ("xlarge", 4, 4, 15),
    ("2xlarge", 8, 4, 15),
    ("4xlarge", 16, 8, 30),
    ("8xlarge", 32, 8, 30),
];

/// Size, virtual CPUs, MiB of memory, network interfaces, addresses of each: the burstable families t3, t3a and t4g.
const BURSTABLE: &[(&str, i32, i64, i32, i32)] = &[
    ("micro", 2, 1024, 2, 2),
    ("small", 2, 2048, 3, 4),
    ("medium", 2, 4096, 3, 6),
    ("large", 2, 8192, 3, 12),
    ("xlarge", 4, 16384, 4, 15),
    ("2xlarge", 8, 32768, 4, 15),
];

struct Kind {
    name: String,
    is_arm: bool,
    is_burstable: bool,
    cpus: i32,
    memory_mib: i64,
    interfaces: i32,
    addresses: i32,
}

fn kinds() -> Vec<Kind> {
    let mut kinds = Vec::new();
    for family in ["t3", "t3a", "t4g"] {
        for &(size, cpus, memory_mib, interfaces, addresses) in BURSTABLE {
            let (name, is_arm) = (format!("{family}.{size}"), family == "t4g");
            kinds.push(Kind { name, is_arm, is_burstable: true, cpus, memory_mib, interfaces, addresses });
        }
    }
    for &(family, is_arm, gib) in FAMILIES {
        for &(size, cpus, interfaces, addresses) in SIZES {
            let (name, memory_mib) = (format!("{family}.{size}"), i64::from(cpus) * gib * 1024);
            kinds.push(Kind { name, is_arm, is_burstable: false, cpus, memory_mib, interfaces, addresses });
        }
    }
    kinds
}

/// Whether a type can be had in a zone of the region. All that is listed can.
pub(crate) fn instance_type_offered(world: &World, name: &str, zone: &str) -> bool {
    zone::zones(&world.region).iter().any(|(known, _)| known == zone)
        && kinds().iter().any(|kind| kind.name == name)
}

const FIELDS: &Fields<InstanceTypeInfo> = &[
    ("bare-metal", |kind| one(kind.bare_metal())),
    ("burstable-performance-supported", |kind| one(kind.burstable_performance_supported())),
    ("current-generation", |kind| one(kind.current_generation())),
    ("instance-type", |kind| one(kind.instance_type())),
    ("memory-info.size-in-mib", |kind| one(kind.memory_info().and_then(|info| info.size_in_mib()))),
    ("processor-info.supported-architecture", |kind| {
        each(kind.processor_info().map_or(&[][..], |info| info.supported_architectures()), Some)
    }),
    ("supported-usage-class", |kind| each(kind.supported_usage_classes(), Some)),
    ("vcpu-info.default-vcpus", |kind| one(kind.v_cpu_info().and_then(|info| info.default_v_cpus()))),
];

const OFFERING_FIELDS: &Fields<InstanceTypeOffering> = &[
    ("instance-type", |offering| one(offering.instance_type())),
    ("location", |offering| one(offering.location())),
];

pub(super) fn register(services: &mut Services) {
    super::operations!(
        services,
        describe_instance_type_offerings: DescribeInstanceTypeOfferingsInput,
        describe_instance_types: DescribeInstanceTypesInput,
    );
}

impl Kind {
    fn show(&self) -> InstanceTypeInfo {
        let architecture = if self.is_arm { ArchitectureType::Arm64 } else { ArchitectureType::X8664 };
        let network = NetworkInfo::builder()
            .maximum_network_interfaces(self.interfaces)
            .ipv4_addresses_per_interface(self.addresses);
        InstanceTypeInfo::builder()
            .instance_type(InstanceType::from(&*self.name))
            .bare_metal(false)
            .burstable_performance_supported(self.is_burstable)
            .current_generation(true)
            .hypervisor(InstanceTypeHypervisor::Nitro)
            .memory_info(MemoryInfo::builder().size_in_mib(self.memory_mib).build())
            .network_info(network.build())
            .processor_info(ProcessorInfo::builder().supported_architectures(architecture).build())
            .supported_usage_classes(UsageClassType::OnDemand)
            .supported_usage_classes(UsageClassType::Spot)
            .v_cpu_info(VCpuInfo::builder().default_v_cpus(self.cpus).build())
            .build()
    }
}

fn describe_instance_types(
    _world: &mut World,
    input: &DescribeInstanceTypesInput,
) -> Answer<DescribeInstanceTypesOutput> {
    let kinds = kinds();
    let names: Vec<&str> = input.instance_types().iter().map(InstanceType::as_str).collect();
    let is_unknown = |name: &&&str| !kinds.iter().any(|kind| kind.name == **name);
    let unknown: Vec<&str> = names.iter().filter(is_unknown).copied().collect();
    if !unknown.is_empty() {
        let message = format!("The following supplied instance types do not exist: [{}]", unknown.join(", "));
        return Err(ApiError::new("InvalidInstanceType", message));
    }
    let asked = kinds.iter().filter(|kind| names.is_empty() || names.contains(&&*kind.name)).map(Kind::show);
    let shown = request::filtered(asked, input.filters(), FIELDS, |_| &[])?;
    let (shown, next) = request::page(shown, input.next_token(), input.max_results())?;
    Ok(DescribeInstanceTypesOutput::builder().set_instance_types(Some(shown)).set_next_token(next).build())
}

fn describe_instance_type_offerings(
    world: &mut World,
    input: &DescribeInstanceTypeOfferingsInput,
) -> Answer<DescribeInstanceTypeOfferingsOutput> {
    let location_type = input.location_type().cloned().unwrap_or(LocationType::Region);
    let locations: Vec<String> = match &location_type {
        LocationType::Region => vec![world.region.clone()],
        LocationType::AvailabilityZone => zone::zones(&world.region).into_iter().map(|zone| zone.0).collect(),
        LocationType::AvailabilityZoneId => {
            zone::zones(&world.region).into_iter().map(|zone| zone.1).collect()
        }
        other => return Err(request::invalid(format!("The location type {other} is not valid."))),
    };
    let offering = |kind: &Kind, location: &String| {
        InstanceTypeOffering::builder()
            .instance_type(InstanceType::from(&*kind.name))
            .location(location)
            .location_type(location_type.clone())
            .build()
    };
    let kinds = kinds();
    let all = kinds.iter().flat_map(|kind| locations.iter().map(move |location| offering(kind, location)));
    let shown = request::filtered(all, input.filters(), OFFERING_FIELDS, |_| &[])?;
    let (shown, next) = request::page(shown, input.next_token(), input.max_results())?;
    let output = DescribeInstanceTypeOfferingsOutput::builder().set_instance_type_offerings(Some(shown));
    Ok(output.set_next_token(next).build())
}
