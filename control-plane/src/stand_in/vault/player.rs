//! The play itself: looks at the cluster whenever something changes there or a request comes, and labels pods.
//!
//! Invariant: what was seen last is what is known; so looking, answering and labelling take turns.

use std::net::TcpListener;
use std::sync::Arc;

use futures::TryStreamExt;
use holodeck_sandbox::vault::{SHAMIR, configured_seal};
use http::{Request, Response};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret};
use kube::api::{Api, ListParams, Patch, PatchParams, WatchEvent, WatchParams};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::{Mutex, Notify};

use super::installed::runs;
use super::{NAMESPACE, Shared, server};
use crate::wait::pause;

/// Where the servers' configuration is.
const CONFIGURATION: &str = "vault-config";
/// Where their certificate is.
const CERTIFICATE: &str = "vault-server-tls";

/// Plays the servers that listen here, for ever.
pub(super) async fn play(client: Client, listeners: Vec<(&'static str, TcpListener)>, shared: Arc<Shared>) {
    let player = Arc::new(Player { client, shared, turn: Mutex::default(), changed: Notify::new() });
    for (server, listener) in listeners {
        tokio::spawn(server::serve(server, listener, Arc::clone(&player)));
    }
    tokio::join!(player.watch::<Pod>(), player.watch::<PersistentVolumeClaim>(), player.attend());
}

/// Whoever plays all servers.
pub(super) struct Player {
    client: Client,
    pub shared: Arc<Shared>,
    turn: Mutex<()>,
    changed: Notify,
}

impl Player {
    fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    /// Notes when anything of a kind changes.
    async fn watch<K>(&self)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        loop {
            // It ends when the server ends the watch; then everything is looked at again.
            let _ = self.follow::<K>().await;
            pause().await;
        }
    }

    async fn follow<K>(&self) -> kube::Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        let api = self.api::<K>();
        let listed = api.list(&ListParams::default()).await?;
        self.changed.notify_one();
        let version = listed.metadata.resource_version.unwrap_or_default();
        let mut events = std::pin::pin!(api.watch(&WatchParams::default(), &version).await?);
        while let Some(event) = events.try_next().await? {
            if let WatchEvent::Error(_) = event {
                break;
            }
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Looks again after every change.
    async fn attend(&self) {
        loop {
            self.changed.notified().await;
            let _turn = self.turn.lock().await;
            let told = async { self.tell(&self.look().await?).await };
            if told.await.is_err() {
                // Something has just changed, or the server is busy.
                self.changed.notify_one();
                pause().await;
            }
        }
    }

    /// What a server answers, if it runs.
    pub async fn answer(
        &self,
        server: &str,
        request: &Request<Vec<u8>>,
    ) -> kube::Result<Option<Response<Vec<u8>>>> {
        let _turn = self.turn.lock().await;
        let pods = self.look().await?;
        let seal = self.seal().await?;
        let answer = self.shared.installed().answer(server, &seal, request);
        if self.tell(&pods).await.is_err() {
            self.changed.notify_one();
        }
        Ok(answer)
    }

    /// Learns what there is, and gives the pods.
    async fn look(&self) -> kube::Result<Vec<Pod>> {
        let all = ListParams::default();
        let (pods, claims) = (self.api::<Pod>(), self.api::<PersistentVolumeClaim>());
        let (pods, claims) = tokio::try_join!(pods.list(&all), claims.list(&all))?;
        self.shared.installed().see(&pods.items, &claims.items);
        Ok(pods.items)
    }

    /// Labels the pods of servers that are not as their labels say.
    async fn tell(&self, pods: &[Pod]) -> kube::Result<()> {
        for pod in pods.iter().filter(|pod| runs(pod)) {
            let name = pod.name_any();
            let labels = self.shared.installed().labels(&name);
            if labels.iter().all(|(label, value)| pod.labels().get(*label).is_some_and(|told| told == value))
            {
                continue;
            }
            let labels = json!(std::collections::BTreeMap::from(labels));
            let patch = Patch::Merge(json!({ "metadata": { "uid": pod.uid(), "labels": labels } }));
            self.api::<Pod>().patch(&name, &PatchParams::default(), &patch).await?;
        }
        Ok(())
    }

    /// The kind of the servers' seal: that of their configuration.
    async fn seal(&self) -> kube::Result<String> {
        let configuration = self.api::<ConfigMap>().get_opt(CONFIGURATION).await?;
        let files = configuration.into_iter().filter_map(|configuration| configuration.data);
        let mut files = files.flat_map(std::collections::BTreeMap::into_values);
        let named = files.find_map(|file| configured_seal(&file).map(str::to_owned));
        Ok(named.unwrap_or_else(|| SHAMIR.to_owned()))
    }

    /// The Secret with the servers' certificate, once it is there.
    pub async fn certificate(&self) -> kube::Result<Option<Secret>> {
        self.api::<Secret>().get_opt(CERTIFICATE).await
    }
}
