//! What the server offers: version, groups and resources, plain and aggregated.
//!
//! Forms: <https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api>.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::cluster::Cluster;
use super::kinds::{Resource, served};
use super::request::Target;

const VERBS: &[&str] = &["create", "delete", "get", "list", "patch", "update"];
const SUBRESOURCE_VERBS: &[&str] = &["patch", "update"];

/// The body for a discovery path, or none where the group or version is not served.
pub(super) fn answer(cluster: &Cluster, target: &Target, accept: &str) -> Option<Value> {
    let resources = served(cluster);
    let aggregated = accept.contains("as=APIGroupDiscoveryList");
    match target {
        Target::Version => Some(version(cluster)),
        Target::CoreVersions if aggregated => Some(aggregate(&resources, |group| group.is_empty())),
        Target::CoreVersions => {
            Some(json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}))
        }
        Target::Groups if aggregated => Some(aggregate(&resources, |group| !group.is_empty())),
        Target::Groups => {
            let groups: Vec<Value> = versions(&resources)
                .into_iter()
                .filter(|(group, _)| !group.is_empty())
                .map(|(name, versions)| group(name, &versions))
                .collect();
            Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        Target::Group(name) => {
            let versions = versions(&resources).remove(name.as_str())?;
            let mut found = group(name, &versions);
            found["kind"] = json!("APIGroup");
            found["apiVersion"] = json!("v1");
            Some(found)
        }
        Target::Resources { group, version } => resource_list(&resources, group, version),
        _ => None,
    }
}

fn version(cluster: &Cluster) -> Value {
    let (major, minor) = cluster.version().split_once('.').unwrap_or((cluster.version(), "0"));
    json!({
        "major": major, "minor": minor, "gitVersion": format!("v{major}.{minor}.0-eks-sandbox"),
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "", "compiler": "rustc", "platform": "linux/amd64",
    })
}

/// Versions of each group, in the order of the table and of the definitions.
fn versions(resources: &[Resource]) -> BTreeMap<&str, Vec<&str>> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for resource in resources {
        let versions = groups.entry(&resource.group).or_default();
        if !versions.contains(&resource.version.as_str()) {
            versions.push(&resource.version);
        }
    }
    groups
}

fn group(name: &str, versions: &[&str]) -> Value {
    let listed: Vec<Value> = versions
        .iter()
        .map(|version| json!({"groupVersion": format!("{name}/{version}"), "version": version}))
        .collect();
    json!({"name": name, "versions": listed, "preferredVersion": listed[0]})
}

fn of<'a>(resources: &'a [Resource], group: &'a str, version: &'a str) -> impl Iterator<Item = &'a Resource> {
    resources.iter().filter(move |resource| resource.group == group && resource.version == version)
}

fn resource_list(resources: &[Resource], group: &str, version: &str) -> Option<Value> {
    let mut listed = Vec::new();
    for resource in of(resources, group, version) {
        let entry = |name: String, verbs: &[&str]| {
            json!({
                "name": name, "singularName": resource.singular, "namespaced": resource.namespaced,
                "kind": resource.kind, "verbs": verbs, "shortNames": resource.short,
            })
        };
        listed.push(entry(resource.plural.clone(), VERBS));
        if resource.status {
            listed.push(entry(format!("{}/status", resource.plural), SUBRESOURCE_VERBS));
        }
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    (!listed.is_empty()).then(|| {
        json!({
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": listed,
        })
    })
}

fn aggregate(resources: &[Resource], wanted: impl Fn(&str) -> bool) -> Value {
    let groups =
        versions(resources).into_iter().filter(|(group, _)| wanted(group)).map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| {
                    let listed: Vec<Value> = of(resources, group, version).map(aggregated_resource).collect();
                    json!({"version": version, "freshness": "Current", "resources": listed})
                })
                .collect();
            json!({"metadata": {"name": group}, "versions": versions})
        });
    json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {},
        "items": groups.collect::<Vec<_>>(),
    })
}

fn aggregated_resource(resource: &Resource) -> Value {
    let kind = json!({"group": resource.group, "version": resource.version, "kind": resource.kind});
    let mut entry = json!({
        "resource": resource.plural, "responseKind": kind, "singularResource": resource.singular,
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "verbs": VERBS, "shortNames": resource.short,
    });
    if resource.status {
        entry["subresources"] =
            json!([{"subresource": "status", "responseKind": kind, "verbs": SUBRESOURCE_VERBS}]);
    }
    entry
}
