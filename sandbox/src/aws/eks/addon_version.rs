//! DescribeAddonVersions: which versions of which add-ons there are, and for which Kubernetes versions.

use aws_sdk_eks::operation::describe_addon_versions::{
    DescribeAddonVersionsInput, DescribeAddonVersionsOutput,
};
use aws_sdk_eks::types;

use super::super::{Answer, Services, World};
use super::addon_catalog::{CATALOG, Catalogued, Release};
use super::{addon, version};

pub(super) fn register(services: &mut Services) {
    services.on(describe);
}

fn describe(_: &mut World, input: &DescribeAddonVersionsInput) -> Answer<DescribeAddonVersionsOutput> {
    if let Some(name) = input.addon_name() {
        addon::catalogued(name)?;
    }
    if let Some(kubernetes) = input.kubernetes_version() {
        version::find(kubernetes)?;
    }
    let wanted = |catalogued: &&Catalogued| {
        let any =
            |given: &[String], value: &str| given.is_empty() || given.iter().any(|given| given == value);
        input.addon_name().is_none_or(|name| name == catalogued.name)
            && any(input.types(), catalogued.kind)
            && any(input.publishers(), "eks")
            && any(input.owners(), "aws")
    };
    let addons = CATALOG.iter().filter(wanted).map(|catalogued| view(catalogued, input.kubernetes_version()));
    let addons = addons.filter(|addon: &types::AddonInfo| !addon.addon_versions().is_empty()).collect();
    let (addons, next) = super::page(addons, input.next_token(), input.max_results())?;
    Ok(DescribeAddonVersionsOutput::builder().set_addons(Some(addons)).set_next_token(next).build())
}

fn view(catalogued: &Catalogued, kubernetes: Option<&str>) -> types::AddonInfo {
    let releases =
        catalogued.versions.iter().filter(|release| kubernetes.is_none_or(|wanted| release.supports(wanted)));
    let versions = releases.map(|release| release_view(catalogued, release, kubernetes)).collect();
    types::AddonInfo::builder()
        .addon_name(catalogued.name)
        .r#type(catalogued.kind)
        .set_addon_versions(Some(versions))
        .publisher("eks")
        .owner("aws")
        .default_namespace(catalogued.namespace)
        .build()
}

fn release_view(
    catalogued: &Catalogued,
    release: &Release,
    kubernetes: Option<&str>,
) -> types::AddonVersionInfo {
    let compatible = version::VERSIONS.iter().rev().filter(|version| {
        release.supports(version.name) && kubernetes.is_none_or(|wanted| wanted == version.name)
    });
    let compatibility = |version: &version::Version| {
        types::Compatibility::builder()
            .cluster_version(version.name)
            .platform_versions("*")
            .default_version(release.is_default_for(version.name))
            .build()
    };
    types::AddonVersionInfo::builder()
        .addon_version(release.version)
        .architecture("amd64")
        .architecture("arm64")
        .compute_types("ec2")
        .set_compatibilities(Some(compatible.map(compatibility).collect()))
        .requires_configuration(false)
        .requires_iam_permissions(catalogued.needs_permissions)
        .build()
}
