//! `[provider.node_groups.NAME]`: a managed node group of EKS.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::image::{AmiType, Architecture};
use super::{AwsSettings, Nat};
use crate::aws::address_plan::ZONE_LETTERS;
use crate::aws::owner::Owner;
use crate::environment::{Finding, Findings, KeyPath, list};

/// Most characters in a node group's name
/// (<https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html>).
const NAME: usize = 63;

/// A group of like nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeGroup {
    /// EC2 instance types that the group may use, in order of preference, all of the architecture of
    /// `ami_type`.
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

impl SubnetTier {
    /// The tier as names of subnets have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
        }
    }
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

impl TaintEffect {
    /// The effect as Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoSchedule => "NoSchedule",
            Self::PreferNoSchedule => "PreferNoSchedule",
            Self::NoExecute => "NoExecute",
        }
    }
}

/// Applies the rules for the node group `name`, where the provider's table stands at `at`.
pub(super) fn check(
    group: &NodeGroup,
    name: &str,
    settings: &AwsSettings,
    owner: &Owner,
    at: &KeyPath,
    findings: &mut Findings,
) {
    let path = at.key("node_groups").key(name);
    name_fits(name, owner, &path, findings);
    sizes_agree(group, &path, findings);
    instances_run_the_image(group, &path, findings);
    nodes_reach_the_internet(group, settings, at, &path, findings);
    zones_are_in_use(group, settings, at, &path, findings);
    labels_are_valid(group, &path, findings);
    taints_differ(group, &path, findings);
}

fn name_fits(name: &str, owner: &Owner, path: &KeyPath, findings: &mut Findings) {
    let full = owner.prefixed(name);
    if full.len() > NAME {
        findings.add(
            Finding::new(
                path.clone(),
                format!("the node group's full name `{full}` has {} characters", full.len()),
                format!("EKS allows {NAME}: shorten the group's name"),
            )
            .because(KeyPath::default().key("name"), "the environment's name"),
        );
    }
}

fn sizes_agree(group: &NodeGroup, path: &KeyPath, findings: &mut Findings) {
    let Size { min, max, desired } = group.size;
    let size = path.key("size");
    if min > max {
        findings.add(
            Finding::new(
                size.key("min"),
                format!("the least size {min} is more than the greatest, {max}"),
                "lower `min` or raise `max`",
            )
            .because(size.key("max"), "the greatest size"),
        );
    } else if let Some(desired) = desired.filter(|desired| !(min..=max).contains(desired)) {
        findings.add(
            Finding::new(
                size.key("desired"),
                format!("the desired size {desired} is not from {min} to {max}"),
                "choose a size within `min` and `max`, or leave `desired` out to begin with `min`",
            )
            .because(size.key("min"), "the least size")
            .because(size.key("max"), "the greatest size"),
        );
    }
}

fn instances_run_the_image(group: &NodeGroup, path: &KeyPath, findings: &mut Findings) {
    let image = group.ami_type;
    for (index, instance_type) in group.instance_types.iter().enumerate() {
        let at = path.key("instance_types").index(index);
        match Architecture::of_instance_type(instance_type) {
            Some(architecture) if architecture == image.architecture() => {}
            Some(architecture) => {
                let fitting = AmiType::ALL.into_iter().filter(|image| image.architecture() == architecture);
                let fitting: Vec<&str> = fitting.map(AmiType::as_str).collect();
                findings.add(
                    Finding::new(
                        at,
                        format!(
                            "`{instance_type}` is {}, its image {} is {}",
                            architecture.as_str(),
                            image.as_str(),
                            image.architecture().as_str()
                        ),
                        format!("set `ami_type` to {}, or choose other instances", list(&fitting)),
                    )
                    .because(path.key("ami_type"), "the image"),
                );
            }
            None => findings.add(Finding::new(
                at,
                format!("`{instance_type}` is no EC2 instance type"),
                "write family and size, such as `m7i.large`",
            )),
        }
    }
}

fn nodes_reach_the_internet(
    group: &NodeGroup,
    settings: &AwsSettings,
    at: &KeyPath,
    path: &KeyPath,
    findings: &mut Findings,
) {
    if settings.network.nat == Nat::None && group.subnets == SubnetTier::Private {
        findings.add(
            Finding::new(
                path.clone(),
                "these nodes stand in private subnets, and `nat = \"none\"` leaves those without a way out: the nodes \
                 could neither join the cluster nor pull images",
                "set `nat` to `single` or `per-zone`, or give this group `subnets = \"public\"`",
            )
            .because(path.key("subnets"), "private subnets")
            .because(at.keys("network.nat"), "no NAT gateway"),
        );
    }
}

fn zones_are_in_use(
    group: &NodeGroup,
    settings: &AwsSettings,
    at: &KeyPath,
    path: &KeyPath,
    findings: &mut Findings,
) {
    let in_use = &ZONE_LETTERS[..usize::from(settings.network.zones).min(ZONE_LETTERS.len())];
    for (index, zone) in group.zones.iter().flatten().enumerate() {
        if !in_use.contains(&zone.as_str()) {
            findings.add(
                Finding::new(
                    path.key("zones").index(index),
                    format!("the network has no zone `{zone}`"),
                    format!("its zones are {}", list(in_use).replace(" or ", " and ")),
                )
                .because(at.keys("network.zones"), "the number of zones"),
            );
        }
    }
}

/// Keys and values have the form that Kubernetes gives labels
/// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set>).
fn labels_are_valid(group: &NodeGroup, path: &KeyPath, findings: &mut Findings) {
    for (key, value) in &group.labels {
        let (prefix, name) = key.rsplit_once('/').unwrap_or(("", key));
        let good_value = value.is_empty() || is_label_text(value);
        if !is_label_text(name) || prefix.len() > 253 || !good_value {
            findings.add(Finding::new(
                path.key("labels").key(key),
                format!("`{key}` with the value `{value}` is no Kubernetes label"),
                "use at most 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends; a key may have a \
                 DNS name and `/` in front",
            ));
        }
    }
}

fn is_label_text(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && edge(text.chars().next())
        && edge(text.chars().next_back())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn taints_differ(group: &NodeGroup, path: &KeyPath, findings: &mut Findings) {
    for (index, taint) in group.taints.iter().enumerate() {
        let same = |earlier: &Taint| earlier.key == taint.key && earlier.effect == taint.effect;
        if let Some(first) = group.taints[..index].iter().position(same) {
            let taints = path.key("taints");
            findings.add(
                Finding::new(
                    taints.index(index),
                    format!(
                        "the taint `{}` with the effect `{}` stands twice",
                        taint.key,
                        taint.effect.as_str()
                    ),
                    "a key has one value for each effect: remove one of the two",
                )
                .because(taints.index(first), "the first"),
            );
        }
    }
}
