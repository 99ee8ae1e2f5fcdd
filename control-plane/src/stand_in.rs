//! Players of what does not run here, because nothing that is on a played node really runs.

mod vault;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::TryStreamExt;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{
    Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, ObjectMeta, Patch, PatchParams,
    PostParams, WatchEvent, WatchParams,
};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use crate::background::Background;
use crate::certificates::{Authority, Pair};
use crate::wait::pause;
pub use vault::{VaultServers, vault};

const CERT_MANAGER: &str = "cert-manager.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

/// A player of a controller, on a thread of its own. It plays until it is dropped.
#[derive(Debug)]
pub struct StandIn {
    _play: Background,
}

/// Plays cert-manager: says of Issuers, ClusterIssuers and Certificates that they are ready, makes the Secret of a
/// Certificate, with a key and a certificate for its names, and writes an authority into the webhook configurations that ask for one.
/// Their definitions may come later, or go.
pub fn certificates(config: &kube::Config) -> StandIn {
    let config = config.clone();
    let play = Background::start(move || async move {
        let client = Client::try_from(config).expect("access that the control plane was started with");
        tokio::join!(
            play(&client, CERT_MANAGER, "Issuer"),
            play(&client, CERT_MANAGER, "ClusterIssuer"),
            play(&client, CERT_MANAGER, "Certificate"),
            play(&client, ADMISSION, "MutatingWebhookConfiguration"),
            play(&client, ADMISSION, "ValidatingWebhookConfiguration"),
        );
    });
    StandIn { _play: play }
}

/// Answers to every object of a kind, for ever.
async fn play(client: &Client, group: &str, kind: &str) {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
    loop {
        // It ends when the server ends the watch, when the kind is not defined, or when an object has just changed:
        // then everything is looked at again.
        let _ = follow(client, &resource).await;
        pause().await;
    }
}

/// Answers to the objects that there are, and to those that come, as long as that goes well.
async fn follow(client: &Client, resource: &ApiResource) -> kube::Result<()> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), resource);
    let listed = api.list(&ListParams::default()).await?;
    for object in &listed.items {
        answer(client, resource, object).await?;
    }
    let version = listed.metadata.resource_version.unwrap_or_default();
    let mut events = std::pin::pin!(api.watch(&WatchParams::default(), &version).await?);
    while let Some(event) = events.try_next().await? {
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                answer(client, resource, &object).await?
            }
            WatchEvent::Deleted(_) | WatchEvent::Bookmark(_) => {}
            WatchEvent::Error(_) => break,
        }
    }
    Ok(())
}

/// Says that an object is ready, unless that has been said of what it is now.
async fn answer(client: &Client, resource: &ApiResource, object: &DynamicObject) -> kube::Result<()> {
    if object.metadata.deletion_timestamp.is_some() {
        return Ok(());
    }
    if resource.group == ADMISSION {
        return inject(client, resource, object).await;
    }
    if is_answered(object) {
        return Ok(());
    }
    if resource.kind == "Certificate" {
        make_secret(client, object).await?;
    }
    let api: Api<DynamicObject> = match object.namespace() {
        Some(namespace) => Api::namespaced_with(client.clone(), &namespace, resource),
        None => Api::all_with(client.clone(), resource),
    };
    let status = json!({ "status": { "conditions": [{
        "type": "Ready",
        "status": "True",
        "reason": "Ready",
        "message": "a stand-in says so",
        "lastTransitionTime": Timestamp::now().to_string(),
        "observedGeneration": object.metadata.generation,
    }] } });
    api.patch_status(&object.name_any(), &PatchParams::default(), &Patch::Merge(status)).await.map(drop)
}

/// Writes an authority into the webhooks that ask cert-manager for one and have none.
async fn inject(client: &Client, resource: &ApiResource, object: &DynamicObject) -> kube::Result<()> {
    let asks = object.annotations().keys().any(|key| key.starts_with("cert-manager.io/inject-ca-from"));
    let mut webhooks = object.data["webhooks"].clone();
    let mut open: Vec<&mut Value> = webhooks
        .as_array_mut()
        .into_iter()
        .flatten()
        .map(|webhook| &mut webhook["clientConfig"]["caBundle"])
        .filter(|bundle| bundle.is_null())
        .collect();
    if !asks || open.is_empty() {
        return Ok(());
    }
    let authority = Authority::new("stand-in").map_err(|error| kube::Error::Service(Box::new(error)))?;
    for bundle in &mut open {
        **bundle = STANDARD.encode(&authority.certificate).into();
    }
    let api: Api<DynamicObject> = Api::all_with(client.clone(), resource);
    let patch = Patch::Merge(json!({ "webhooks": webhooks }));
    api.patch(&object.name_any(), &PatchParams::default(), &patch).await.map(drop)
}

fn is_answered(object: &DynamicObject) -> bool {
    let conditions = object.data.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| {
        condition["type"] == "Ready" && condition["observedGeneration"].as_i64() == object.metadata.generation
    })
}

/// Makes the Secret that a Certificate names, if there is none.
async fn make_secret(client: &Client, certificate: &DynamicObject) -> kube::Result<()> {
    let namespace = certificate.namespace().unwrap_or_default();
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &namespace);
    match secrets.create(&PostParams::default(), &secret(certificate)?).await {
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        result => result.map(drop),
    }
}

/// What is in it: a certificate for the names, by an authority of its own.
fn secret(certificate: &DynamicObject) -> kube::Result<Secret> {
    let spec = &certificate.data["spec"];
    let names: Vec<_> = spec["dnsNames"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let (authority, pair) = signed(&names).map_err(|error| kube::Error::Service(Box::new(error)))?;
    let data = [("ca.crt", authority), ("tls.crt", pair.certificate), ("tls.key", pair.key)];
    let annotations = [("cert-manager.io/certificate-name".to_owned(), certificate.name_any())];
    Ok(Secret {
        metadata: ObjectMeta {
            name: spec["secretName"].as_str().map(str::to_owned),
            annotations: Some(annotations.into()),
            ..Default::default()
        },
        type_: Some("kubernetes.io/tls".to_owned()),
        data: Some(data.map(|(key, text)| (key.to_owned(), ByteString(text.into_bytes()))).into()),
        ..Default::default()
    })
}

fn signed(names: &[&str]) -> Result<(String, Pair), rcgen::Error> {
    let authority = Authority::new("stand-in")?;
    let pair = authority.server(names.first().unwrap_or(&"stand-in"), names)?;
    Ok((authority.certificate, pair))
}
