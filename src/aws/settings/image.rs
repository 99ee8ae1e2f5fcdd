//! Operating system images of nodes, and the processors that they and the instance types have.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// Every image.
    pub const ALL: [Self; 6] = [
        Self::Al2023X86,
        Self::Al2023Arm,
        Self::Al2023X86Nvidia,
        Self::BottlerocketX86,
        Self::BottlerocketArm,
        Self::BottlerocketX86Nvidia,
    ];

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
    /// Architecture of an EC2 instance type, told by its name: `a1`, and families with a `g` among the
    /// letters after the generation number, are Graviton
    /// (<https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html>). `None` if the text
    /// does not have the form `family.size`.
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

#[cfg(test)]
mod tests {
    use super::Architecture::{self, Arm64, X86};

    #[test]
    fn the_architecture_is_told_by_the_family() {
        let cases = [
            ("m7g.large", Some(Arm64)),
            ("t4g.medium", Some(Arm64)),
            ("c7gn.2xlarge", Some(Arm64)),
            ("im4gn.large", Some(Arm64)),
            ("r8gd.metal-24xl", Some(Arm64)),
            ("a1.medium", Some(Arm64)),
            ("m7i.large", Some(X86)),
            ("g5.xlarge", Some(X86)),
            ("g5g.xlarge", Some(Arm64)),
            ("m7i-flex.large", Some(X86)),
            ("u-6tb1.56xlarge", Some(X86)),
            ("t3a.small", Some(X86)),
            ("large", None),
            ("m7i", None),
            ("m7i.", None),
            ("7m.large", None),
            ("M7I.large", None),
        ];
        for (instance_type, expected) in cases {
            assert_eq!(Architecture::of_instance_type(instance_type), expected, "{instance_type}");
        }
    }
}
