//! `[provider.node_groups.NAME]`: a managed node group of EKS.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A group of like nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeGroup {
    /// EC2 instance types that the group may use, in order of preference, all of the architecture of `ami_type`.
    #[schemars(length(min = 1, max = 20), extend("uniqueItems" = true), inner(length(min = 1)))]
    #[schemars(example = ["m7i.large"])]
    pub instance_types: Vec<String>,

    /// Number of nodes.
    pub size: Size,

    /// How the instances are paid.
    #[serde(default)]
    pub capacity: Capacity,

    /// Size of a node's root volume in GiB.
    #[serde(default = "NodeGroup::default_disk_gib")]
    #[schemars(range(min = 20, max = 16384))]
    pub disk_gib: u32,

    /// Kubernetes labels of the nodes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,

    /// Kubernetes taints of the nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<Taint>,

    /// Operating system image of the nodes, by its EKS name.
    #[serde(default)]
    pub ami_type: AmiType,

    /// Number of nodes that may be unavailable at once while the group is updated.
    #[serde(default = "NodeGroup::default_max_unavailable")]
    #[schemars(range(min = 1, max = 100))]
    pub max_unavailable: u32,

    /// Subnets that the nodes stand in.
    #[serde(default)]
    pub subnets: SubnetTier,

    /// Zones that the nodes stand in, by letter (`"a"` is the first of the network's zones). Without it: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    pub zones: Option<Vec<String>>,
}

impl NodeGroup {
    fn default_disk_gib() -> u32 {
        50
    }

    fn default_max_unavailable() -> u32 {
        1
    }
}

/// Number of nodes of a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Least number of nodes.
    #[schemars(range(min = 0, max = 450), example = 3)]
    pub min: u32,

    /// Greatest number of nodes.
    #[schemars(range(min = 1, max = 450), example = 6)]
    pub max: u32,

    /// Number of nodes to begin with; later an autoscaler may change it. Without it: `min`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 450))]
    pub desired: Option<u32>,
}

impl Size {
    /// Number of nodes to begin with.
    pub fn initial(&self) -> u32 {
        self.desired.unwrap_or(self.min)
    }
}

/// How instances are paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Capacity {
    /// At the list price, never interrupted.
    #[default]
    OnDemand,
    /// Spare capacity at a discount, taken back at two minutes' notice.
    Spot,
}

/// Kind of subnet.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum SubnetTier {
    /// Without public addresses; reaches the internet through NAT.
    #[default]
    Private,
    /// With public addresses and a route to the internet gateway.
    Public,
}

/// A taint: pods that do not tolerate it stay away from the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Taint {
    /// Key of the taint.
    #[schemars(length(min = 1, max = 63), example = &"dedicated")]
    pub key: String,

    /// Value of the taint.
    #[serde(default)]
    #[schemars(length(max = 63))]
    pub value: String,

    /// What happens to pods that do not tolerate it.
    pub effect: TaintEffect,
}

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum TaintEffect {
    /// They are not scheduled there.
    NoSchedule,
    /// They are scheduled there only if nothing else is free.
    PreferNoSchedule,
    /// They are not scheduled there, and running ones are evicted.
    NoExecute,
}

/// Operating system image of a node, by its EKS name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AmiType {
    /// Amazon Linux 2023 for x86-64.
    #[default]
    #[serde(rename = "AL2023_x86_64_STANDARD")]
    Al2023X86,
    /// Amazon Linux 2023 for arm64.
    #[serde(rename = "AL2023_ARM_64_STANDARD")]
    Al2023Arm,
    /// Amazon Linux 2023 for x86-64 with NVIDIA drivers.
    #[serde(rename = "AL2023_x86_64_NVIDIA")]
    Al2023X86Nvidia,
    /// Bottlerocket for x86-64.
    #[serde(rename = "BOTTLEROCKET_x86_64")]
    BottlerocketX86,
    /// Bottlerocket for arm64.
    #[serde(rename = "BOTTLEROCKET_ARM_64")]
    BottlerocketArm,
    /// Bottlerocket for x86-64 with NVIDIA drivers.
    #[serde(rename = "BOTTLEROCKET_x86_64_NVIDIA")]
    BottlerocketX86Nvidia,
}

impl AmiType {
    /// The name that the EKS API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Al2023X86 => "AL2023_x86_64_STANDARD",
            Self::Al2023Arm => "AL2023_ARM_64_STANDARD",
            Self::Al2023X86Nvidia => "AL2023_x86_64_NVIDIA",
            Self::BottlerocketX86 => "BOTTLEROCKET_x86_64",
            Self::BottlerocketArm => "BOTTLEROCKET_ARM_64",
            Self::BottlerocketX86Nvidia => "BOTTLEROCKET_x86_64_NVIDIA",
        }
    }

    /// Processor architecture of the image.
    pub fn architecture(self) -> Architecture {
        match self {
            Self::Al2023Arm | Self::BottlerocketArm => Architecture::Arm64,
            Self::Al2023X86 | Self::Al2023X86Nvidia | Self::BottlerocketX86 | Self::BottlerocketX86Nvidia => {
                Architecture::X86
            }
        }
    }
}

/// Processor architecture of an instance type or image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Intel and AMD, 64 bits.
    X86,
    /// ARM, 64 bits (Graviton).
    Arm64,
}

impl Architecture {
    /// Architecture of an EC2 instance type, told by its name: `a1`, and families with a `g` among the letters after the
    /// generation number, are Graviton (<https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html>).
    /// `None` if the text does not have the form `family.size`.
    pub fn of_instance_type(instance_type: &str) -> Option<Self> {
        let (family, size) = instance_type.split_once('.')?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let generation = family.find(|c: char| c.is_ascii_digit())?;
        if generation == 0 || size.is_empty() || !family.chars().all(plain) || !size.chars().all(plain) {
            return None;
        }
        let options = family[generation..].trim_start_matches(|c: char| c.is_ascii_digit());
        let attributes = options.split('-').next().unwrap_or_default();
        let arm = family == "a1" || attributes.contains('g');
        Some(if arm { Self::Arm64 } else { Self::X86 })
    }

    /// The architecture's name as AWS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::X86 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}
