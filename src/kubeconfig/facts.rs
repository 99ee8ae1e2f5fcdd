//! What is read from the cluster once, before anything is planned: which one it is, and what it offers.

use futures::future::try_join4;
use holodeck_engine::{Class, Error};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::storage::v1::StorageClass;
use kube::Api;
use kube::api::ListParams;

use super::settings::{KubeconfigSettings, LoadBalancer};
use crate::kubernetes::error::{Effect, explained, is_not_found};

/// The annotation of the storage class that claims without one get.
const IS_DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";

/// What a plan needs to know of the cluster.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Its version, such as `v1.36.3`.
    pub version: String,
    /// The storage class of volumes.
    pub storage_class: String,
    /// IPv4 networks that the API server answers from.
    pub api_servers: Vec<String>,
}

impl Facts {
    /// Reads the facts. Refuses a cluster other than the one with the UID `cluster_id`, where that is given, and one that lacks what the
    /// environment needs of it.
    pub async fn read(
        client: &kube::Client,
        settings: &KubeconfigSettings,
        cluster_id: Option<&str>,
    ) -> Result<Self, Error> {
        let (version, (), storage_class, api_servers) = try_join4(
            version(client),
            is_the_right_one(client, cluster_id),
            storage_class(client, settings.storage_class.as_deref()),
            api_servers(client, settings),
        )
        .await?;
        if matches!(settings.load_balancer, LoadBalancer::Metallb(_)) {
            has_metallb(client).await?;
        }
        Ok(Self { version, storage_class, api_servers })
    }
}

async fn version(client: &kube::Client) -> Result<String, Error> {
    let version = client.apiserver_version().await;
    Ok(version
        .map_err(|error| explained("asking the cluster's version".to_owned(), error, Effect::None))?
        .git_version)
}

async fn is_the_right_one(client: &kube::Client, wanted: Option<&str>) -> Result<(), Error> {
    let Some(wanted) = wanted else { return Ok(()) };
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let system = namespaces.get("kube-system").await;
    let system = system
        .map_err(|error| explained("reading namespace `kube-system`".to_owned(), error, Effect::None))?;
    let found = system.metadata.uid.unwrap_or_default();
    if found == wanted {
        return Ok(());
    }
    let message =
        format!("the context leads to the cluster {found}, the environment is on the cluster {wanted}");
    Err(Error::new(Class::Refused, message)
        .with_hint("correct `provider.context`, or `provider.cluster_id` if the cluster was made anew"))
}

async fn storage_class(client: &kube::Client, wanted: Option<&str>) -> Result<String, Error> {
    let classes: Api<StorageClass> = Api::all(client.clone());
    let classes = classes.list(&ListParams::default()).await;
    let classes =
        classes.map_err(|error| explained("listing storage classes".to_owned(), error, Effect::None))?.items;
    let name = |class: &StorageClass| class.metadata.name.clone().unwrap_or_default();
    let is_default = |class: &&StorageClass| {
        class.metadata.annotations.as_ref().and_then(|all| all.get(IS_DEFAULT)).is_some_and(|is| is == "true")
    };
    let found = match wanted {
        Some(wanted) => classes.iter().find(|class| name(class) == wanted),
        None => classes.iter().find(is_default),
    };
    if let Some(class) = found {
        return Ok(name(class));
    }
    let known: Vec<String> = classes.iter().map(|class| format!("`{}`", name(class))).collect();
    let message = match wanted {
        Some(wanted) => format!("the cluster has no storage class `{wanted}`"),
        None => "the cluster has no default storage class".to_owned(),
    };
    let hint = match known.as_slice() {
        [] => "install a provisioner of volumes: Vault keeps its data on them".to_owned(),
        known => format!("set `provider.storage_class` to one that it has: {}", known.join(", ")),
    };
    Err(Error::new(Class::Refused, message).with_hint(hint))
}

/// The networks that the file names, or the addresses that the Service `kubernetes` has.
async fn api_servers(client: &kube::Client, settings: &KubeconfigSettings) -> Result<Vec<String>, Error> {
    if !settings.api_servers.is_empty() {
        return Ok(settings.api_servers.iter().map(ToString::to_string).collect());
    }
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), "default");
    let slices = slices.list(&ListParams::default().labels("kubernetes.io/service-name=kubernetes")).await;
    let slices =
        slices.map_err(|error| explained("listing the API servers".to_owned(), error, Effect::None))?.items;
    let mut addresses: Vec<String> = slices
        .into_iter()
        .filter(|slice| slice.address_type == "IPv4")
        .flat_map(|slice| slice.endpoints)
        .flat_map(|endpoint| endpoint.addresses)
        .map(|address| format!("{address}/32"))
        .collect();
    addresses.sort();
    addresses.dedup();
    if addresses.is_empty() {
        return Err(Error::new(
            Class::Refused,
            "the Service `kubernetes` has no IPv4 address of an API server",
        )
        .with_hint("name the networks that it answers from in `provider.api_servers`"));
    }
    Ok(addresses)
}

async fn has_metallb(client: &kube::Client) -> Result<(), Error> {
    match client.list_api_group_resources("metallb.io/v1beta1").await {
        Ok(_) => Ok(()),
        Err(error) if is_not_found(&error) => Err(Error::new(
            Class::Refused,
            "the load balancer is to be MetalLB, but the cluster does not have it",
        )
        .with_hint("install MetalLB first, or set `provider.load_balancer.kind = \"node-ports\"`")),
        Err(error) => Err(explained("looking for MetalLB".to_owned(), error, Effect::None)),
    }
}
