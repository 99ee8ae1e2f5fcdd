//! The public parameters that name the node images of EKS.
//!
//! Paths: EKS User Guide, "Retrieve recommended Amazon Linux AMI IDs" and "Retrieve recommended Bottlerocket AMI IDs". Values are made
//! of the path and the region, so each image has one id in a region and always the same one.

use sha2::{Digest, Sha256};

/// Minor versions of Kubernetes 1 for which there are images.
const MINORS: std::ops::RangeInclusive<u32> = 31..=36;
/// The patch release and the day that release versions name.
const RELEASE: &str = "2-20261106";
const BOTTLEROCKET_RELEASE: &str = "1.62.0-d9a3f2c1";

/// The value of the public parameter `name` in a region.
pub(crate) fn value(region: &str, name: &str) -> Option<String> {
    if let Some(rest) = name.strip_prefix("/aws/service/eks/optimized-ami/") {
        return amazon_linux(region, rest);
    }
    bottlerocket(region, name.strip_prefix("/aws/service/bottlerocket/aws-k8s-")?)
}

/// An image id of the form that EC2 uses.
fn image_id(region: &str, image: &str) -> String {
    let digest = Sha256::digest(format!("{region}{image}").as_bytes());
    let digits: String = digest.iter().take(9).map(|byte| format!("{byte:02x}")).collect();
    format!("ami-{}", &digits[..17])
}

fn is_offered(version: &str) -> bool {
    let minor = version.strip_prefix("1.").and_then(|minor| minor.parse().ok());
    minor.is_some_and(|minor| MINORS.contains(&minor))
}

/// `VERSION/amazon-linux-2023/ARCHITECTURE/VARIANT/recommended/FIELD`
fn amazon_linux(region: &str, rest: &str) -> Option<String> {
    let parts: Vec<&str> = rest.split('/').collect();
    let [version, "amazon-linux-2023", architecture, variant, "recommended", field @ ..] = parts.as_slice()
    else {
        return None;
    };
    let exists = match *architecture {
        "x86_64" => ["standard", "nvidia", "neuron"].contains(variant),
        "arm64" => ["standard", "nvidia"].contains(variant),
        _ => false,
    };
    if !exists || !is_offered(version) {
        return None;
    }
    let image = image_id(region, &format!("eks/{version}/{architecture}/{variant}"));
    let release = format!("{version}.{RELEASE}");
    let day = RELEASE.split_once('-').map_or(RELEASE, |(_, day)| day);
    let name = format!("amazon-eks-node-al2023-{architecture}-{variant}-{version}-v{day}");
    match field {
        [] => Some(
            serde_json::json!({"schema_version": "2", "image_id": image, "image_name": name, "release_version": release})
                .to_string(),
        ),
        ["image_id"] => Some(image),
        ["image_name"] => Some(name),
        ["release_version"] => Some(release),
        _ => None,
    }
}

/// `VERSION[-nvidia]/ARCHITECTURE/latest/FIELD`
fn bottlerocket(region: &str, rest: &str) -> Option<String> {
    let parts: Vec<&str> = rest.split('/').collect();
    let [flavour, architecture @ ("x86_64" | "arm64"), "latest", field] = parts.as_slice() else {
        return None;
    };
    if !is_offered(flavour.strip_suffix("-nvidia").unwrap_or(flavour)) {
        return None;
    }
    match *field {
        "image_id" => Some(image_id(region, &format!("bottlerocket/{flavour}/{architecture}"))),
        "image_version" => Some(BOTTLEROCKET_RELEASE.to_owned()),
        _ => None,
    }
}
