//! The node images that EKS offers, as the public parameters of Systems Manager name them.

use super::super::{Answer, World, ssm};
use super::invalid_parameter;

/// The newest release of the image for an AMI type and Kubernetes version, such as `1.35.2-20261106`.
pub(super) fn release(world: &World, ami_type: &str, version: &str) -> Answer<String> {
    let field = if is_bottlerocket(ami_type) { "image_version" } else { "release_version" };
    read(world, ami_type, version, field)
}

/// Its image id in the region.
pub(super) fn image_id(world: &World, ami_type: &str, version: &str) -> Answer<String> {
    read(world, ami_type, version, "image_id")
}

fn read(world: &World, ami_type: &str, version: &str, field: &str) -> Answer<String> {
    let architecture = if ami_type.contains("ARM_64") { "arm64" } else { "x86_64" };
    let nvidia = ami_type.ends_with("NVIDIA");
    let parameter = if is_bottlerocket(ami_type) {
        let flavour = if nvidia { "-nvidia" } else { "" };
        format!("/aws/service/bottlerocket/aws-k8s-{version}{flavour}/{architecture}/latest/{field}")
    } else {
        let variant = if nvidia { "nvidia" } else { "standard" };
        format!(
            "/aws/service/eks/optimized-ami/{version}/amazon-linux-2023/{architecture}/{variant}/recommended/{field}"
        )
    };
    let missing = || {
        invalid_parameter(format!(
            "There is no node image of the AMI type {ami_type} for Kubernetes {version}"
        ))
    };
    ssm::public_value(&world.region, &parameter).ok_or_else(missing)
}

fn is_bottlerocket(ami_type: &str) -> bool {
    ami_type.starts_with("BOTTLEROCKET")
}
