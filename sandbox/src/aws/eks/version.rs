//! The Kubernetes versions that EKS offers, and DescribeClusterVersions.
//!
//! Dates are those of the "Amazon EKS Kubernetes release calendar": standard support lasts 14 months, extended support
//! twelve more. Versions are compared by their minor number; all have the major number 1.

use aws_sdk_eks::operation::describe_cluster_versions::{
    DescribeClusterVersionsInput, DescribeClusterVersionsOutput,
};
use aws_sdk_eks::types::{ClusterVersionInformation, ClusterVersionStatus, VersionStatus};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::super::{Answer, Services, World, date_time};
use super::invalid_parameter;

/// One version on offer.
pub(super) struct Version {
    pub(super) name: &'static str,
    patch: &'static str,
    /// Of the newest platform version.
    pub(super) platform: &'static str,
    released: &'static str,
    standard_until: &'static str,
    extended_until: &'static str,
}

/// Oldest first.
pub(super) const VERSIONS: [Version; 6] = [
    version("1.31", "1.31.14", "eks.50", "2024-09-26", "2025-11-26", "2026-11-26"),
    version("1.32", "1.32.11", "eks.36", "2025-01-23", "2026-03-23", "2027-03-23"),
    version("1.33", "1.33.7", "eks.26", "2025-05-29", "2026-07-29", "2027-07-29"),
    version("1.34", "1.34.3", "eks.15", "2025-10-02", "2026-12-02", "2027-12-02"),
    version("1.35", "1.35.2", "eks.9", "2026-01-27", "2027-03-27", "2028-03-27"),
    version("1.36", "1.36.1", "eks.3", "2026-06-02", "2027-08-02", "2028-08-02"),
];

/// What CreateCluster takes where no version is given.
pub(super) const DEFAULT: &str = "1.35";

const fn version(
    name: &'static str,
    patch: &'static str,
    platform: &'static str,
    released: &'static str,
    standard_until: &'static str,
    extended_until: &'static str,
) -> Version {
    Version { name, patch, platform, released, standard_until, extended_until }
}

/// The version of that name.
pub(super) fn find(name: &str) -> Answer<&'static Version> {
    let known = VERSIONS.iter().find(|version| version.name == name);
    known.ok_or_else(|| invalid_parameter(format!("unsupported Kubernetes version {name}")))
}

/// The number after `1.`.
pub(super) fn minor(name: &str) -> Answer<u32> {
    let number = name.strip_prefix("1.").and_then(|minor| minor.parse().ok());
    number.ok_or_else(|| invalid_parameter(format!("unsupported Kubernetes version {name}")))
}

pub(super) fn register(services: &mut Services) {
    services.on(describe);
}

fn describe(
    world: &mut World,
    input: &DescribeClusterVersionsInput,
) -> Answer<DescribeClusterVersionsOutput> {
    let now = world.now;
    let default_only = input.default_only().unwrap_or_default();
    let wanted = |version: &&Version| {
        let named = input.cluster_versions().is_empty()
            || input.cluster_versions().iter().any(|name| name == version.name);
        let status = version.status(now);
        let in_status = input.version_status().is_none_or(|wanted| *wanted == status);
        named && in_status && (!default_only || version.name == DEFAULT)
    };
    let newest_first = VERSIONS.iter().rev().filter(wanted).map(|version| version.view(now)).collect();
    let (versions, next) = super::page(newest_first, input.next_token(), input.max_results())?;
    Ok(DescribeClusterVersionsOutput::builder()
        .set_cluster_versions(Some(versions))
        .set_next_token(next)
        .build())
}

impl Version {
    fn status(&self, now: Timestamp) -> VersionStatus {
        if midnight(self.extended_until).is_some_and(|end| end <= now) {
            VersionStatus::Unsupported
        } else if midnight(self.standard_until).is_some_and(|end| end <= now) {
            VersionStatus::ExtendedSupport
        } else {
            VersionStatus::StandardSupport
        }
    }

    fn view(&self, now: Timestamp) -> ClusterVersionInformation {
        let status = self.status(now);
        let legacy = match &status {
            VersionStatus::Unsupported => ClusterVersionStatus::Unsupported,
            VersionStatus::ExtendedSupport => ClusterVersionStatus::ExtendedSupport,
            _ => ClusterVersionStatus::StandardSupport,
        };
        ClusterVersionInformation::builder()
            .cluster_version(self.name)
            .cluster_type("eks")
            .default_platform_version(self.platform)
            .default_version(self.name == DEFAULT)
            .set_release_date(midnight(self.released).map(date_time))
            .set_end_of_standard_support_date(midnight(self.standard_until).map(date_time))
            .set_end_of_extended_support_date(midnight(self.extended_until).map(date_time))
            .status(legacy)
            .version_status(status)
            .kubernetes_patch_version(self.patch)
            .build()
    }
}

fn midnight(date: &str) -> Option<Timestamp> {
    let date: Date = date.parse().ok()?;
    TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
}
