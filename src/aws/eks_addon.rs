//! A managed add-on of the environment's cluster, by its name in the catalogue of EKS
//! (<https://docs.aws.amazon.com/eks/latest/userguide/eks-add-ons.html>).
//!
//! Invariants: its address has the add-on's name. Where no version is asked for, EKS's default for the cluster's
//! Kubernetes version is taken once, when the add-on is made and when that version changes: a tag tells for which one it
//! was chosen. What it installed outlives it, since removing it would cut off the nodes.

use aws_sdk_eks::types::{Addon as Description, AddonStatus, AddonVersionInfo, ResolveConflicts};
use holodeck_engine::{Class, Durations, Error, FieldChange, Input, Observed, Order, Resource, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aws::answer::{Answer, Given};
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::eks_api::{self, EksAnswer, NOT_FOUND};
use crate::aws::owner::{self, Tags};

/// Tag with the Kubernetes version that the add-on's version was chosen for.
const KUBERNETES_VERSION: &str = "holodeck:kubernetes-version";

/// An add-on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EksAddon {
    /// The cluster's name.
    pub cluster: Input<String>,
    /// Its version; `None`: one that fits the cluster's.
    pub version: Option<String>,
    /// The cluster's Kubernetes version, that its own is chosen for.
    pub kubernetes_version: String,
    /// Its configuration, in the add-on's own schema.
    pub configuration: Value,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// What an add-on puts out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {
    version: Option<String>,
}

impl Resource for EksAddon {
    const KIND: &'static str = "aws.eks_addon";
    type Outputs = Outputs;
    type Client = Aws;
    const VOLATILE: &'static [&'static str] = &["version"];
    const DISPOSABLE: bool = true;

    fn durations(&self) -> Durations {
        Durations::seconds(60, 60, 30, 1800)
    }

    fn judge(&self, _actual: &Self, changes: &[FieldChange]) -> Verdict {
        Verdict::replace_if_changed(changes, &["cluster"], Order::DeleteFirst)
    }

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let pages =
            aws.eks.list_addons().cluster_name(eks_api::cluster_name(aws)).into_paginator().items().send();
        let listed = pages.collect::<Result<_, _>>().await.answer_unless("ListAddons", &[NOT_FOUND])?;
        eks_api::describe_each(listed.unwrap_or_default(), |addon| observe(aws, addon)).await
    }

    async fn read(aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        observe(aws, name.to_owned()).await
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let request = aws
            .eks
            .create_addon()
            .cluster_name(self.cluster.get()?)
            .addon_name(name)
            .addon_version(self.fitting_version(aws, name, None).await?)
            .resolve_conflicts(ResolveConflicts::Overwrite)
            .set_configuration_values(self.configuration_values())
            .set_tags(eks_api::tags(aws, name, &self.own_tags()));
        request.send().await.answer_when_ready("CreateAddon")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        let changed = |field| touches(changes, field);
        let name = &seen.name;
        if changed("version") || changed("kubernetes_version") || changed("configuration") {
            let present = seen.attributes.version.as_deref();
            let version = self.fitting_version(aws, name, present).await?;
            if Some(&*version) != present || changed("configuration") {
                let request = aws
                    .eks
                    .update_addon()
                    .cluster_name(self.cluster.get()?)
                    .addon_name(name)
                    .addon_version(version)
                    .resolve_conflicts(ResolveConflicts::Overwrite)
                    .configuration_values(self.configuration_values().unwrap_or_else(|| "{}".to_owned()));
                request.send().await.answer_when_ready("UpdateAddon")?;
            }
        }
        // Last, so that an interruption before leaves the tag of the old version.
        if changed("kubernetes_version") || changed("tags") {
            eks_api::set_tags(aws, &seen.id, &self.own_tags()).await?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let request = aws.eks.delete_addon().cluster_name(seen.attributes.cluster.get()?);
        let request = request.addon_name(&seen.name).preserve(true).send().await;
        eks_api::answer_removal(request, "DeleteAddon")
    }
}

impl EksAddon {
    fn own_tags(&self) -> Tags {
        let mut tags = self.tags.clone();
        tags.insert(KUBERNETES_VERSION.to_owned(), self.kubernetes_version.clone());
        tags
    }

    /// The configuration as EKS takes it, if there is any.
    fn configuration_values(&self) -> Option<String> {
        self.configuration.as_object().filter(|fields| !fields.is_empty())?;
        Some(self.configuration.to_string())
    }

    /// The version that is asked for, else the one to take instead of the `present` one.
    async fn fitting_version(&self, aws: &Aws, name: &str, present: Option<&str>) -> Result<String, Error> {
        if let Some(version) = &self.version {
            return Ok(version.clone());
        }
        let request = aws.eks.describe_addon_versions().addon_name(name);
        let pages = request.kubernetes_version(&self.kubernetes_version).into_paginator().items().send();
        let offered: Vec<aws_sdk_eks::types::AddonInfo> =
            pages.collect::<Result<_, _>>().await.answer("DescribeAddonVersions")?;
        let versions: Vec<AddonVersionInfo> =
            offered.into_iter().flat_map(|addon| addon.addon_versions.unwrap_or_default()).collect();
        choose(&versions, &self.kubernetes_version, present).ok_or_else(|| {
            let message = format!(
                "EKS offers no version of the add-on `{name}` for Kubernetes {}",
                self.kubernetes_version
            );
            Error::new(Class::Refused, message)
        })
    }
}

/// EKS's default for the Kubernetes version, or the present version where that fits and is newer. Versions are listed
/// newest first.
fn choose(offered: &[AddonVersionInfo], kubernetes: &str, present: Option<&str>) -> Option<String> {
    let is_default = |version: &&AddonVersionInfo| {
        version.compatibilities().iter().any(|fits| {
            fits.default_version && fits.cluster_version().is_none_or(|cluster| cluster == kubernetes)
        })
    };
    let default = offered.iter().position(|version| is_default(&version)).unwrap_or_default();
    let present = offered.iter().position(|version| version.addon_version() == present && present.is_some());
    let chosen = present.map_or(default, |present| present.min(default));
    offered.get(chosen)?.addon_version.clone()
}

async fn observe(aws: &Aws, addon: String) -> Result<Option<Observed<EksAddon>>, Error> {
    let request = aws.eks.describe_addon().cluster_name(eks_api::cluster_name(aws)).addon_name(addon);
    let answer = request.send().await.answer_unless("DescribeAddon", &[NOT_FOUND])?;
    let Some(found): Option<Description> = answer.and_then(|answer| answer.addon) else { return Ok(None) };
    let Some((name, mut tags)) = eks_api::recognise(aws, found.tags()) else { return Ok(None) };
    let kubernetes_version = tags.remove(KUBERNETES_VERSION).unwrap_or_default();
    let issues = issues(&found);
    let state = found.status.unwrap_or(AddonStatus::Creating);
    let attributes = EksAddon {
        cluster: found.cluster_name.given("the cluster of an add-on")?.into(),
        version: found.addon_version.clone(),
        kubernetes_version,
        configuration: configuration(found.configuration_values.as_deref())?,
        tags,
    };
    Ok(Some(Observed {
        status: eks_api::status(&format!("the add-on `{name}`"), state.as_str(), &issues),
        name,
        id: found.addon_arn.given("the ARN of an add-on")?,
        attributes,
        outputs: Outputs { version: found.addon_version },
        uses: vec![eks_api::cluster_arn(aws)],
    }))
}

fn issues(found: &Description) -> Vec<String> {
    let issues = found.health().map(|health| health.issues()).unwrap_or_default();
    issues
        .iter()
        .map(|issue| eks_api::issue(issue.code().map(|code| code.as_str()), issue.message()))
        .collect()
}

/// The configuration as a value. EKS keeps the text that it was given, JSON or YAML.
fn configuration(text: Option<&str>) -> Result<Value, Error> {
    match text.filter(|text| !text.trim().is_empty()) {
        Some(text) => serde_norway::from_str(text).map_err(|error| {
            Error::new(Class::Failed, "the configuration of an add-on cannot be read").with_source(error)
        }),
        None => Ok(Value::Object(serde_json::Map::new())),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_eks::types::Compatibility;

    use super::*;

    fn offered(versions: &[(&str, bool)]) -> Vec<AddonVersionInfo> {
        versions
            .iter()
            .map(|(version, default)| {
                let fits = Compatibility::builder().cluster_version("1.35").default_version(*default).build();
                AddonVersionInfo::builder().addon_version(*version).compatibilities(fits).build()
            })
            .collect()
    }

    #[test]
    fn the_default_is_taken_unless_a_newer_one_is_there() {
        let versions = offered(&[("v3", false), ("v2", true), ("v1", false)]);
        let chosen = |present| choose(&versions, "1.35", present);
        assert_eq!(chosen(None).as_deref(), Some("v2"));
        assert_eq!(chosen(Some("v1")).as_deref(), Some("v2"));
        assert_eq!(chosen(Some("v3")).as_deref(), Some("v3"));
        assert_eq!(chosen(Some("v0-not-offered-any-more")).as_deref(), Some("v2"));
        assert_eq!(choose(&[], "1.35", None), None);
    }

    #[test]
    fn configurations_are_compared_as_values() {
        assert_eq!(configuration(Some("{\"a\": 1}")).unwrap(), serde_json::json!({"a": 1}));
        assert_eq!(configuration(Some("a: 1\n")).unwrap(), serde_json::json!({"a": 1}));
        assert_eq!(configuration(None).unwrap(), serde_json::json!({}));
    }
}
