//! The kind `kubernetes`: any object on a cluster, its attributes being its manifest.
//!
//! Invariants: the name in addresses is that of the manifest; what is observed is the live object with its bookkeeping,
//! which [`Resource::project`] reduces to what is managed; the content of Secrets is concealed on the way in and
//! revealed on the way out.

use std::collections::BTreeMap;
use std::fmt;

use futures::future::try_join_all;
use holodeck_engine::{
    Class, Durations, Error, Explanation, FieldChange, Observed, Output, Resource, Verdict,
};
use kube::api::PropagationPolicy;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client::Kubernetes;
use super::field::{items, text};
use super::kinds::KINDS;
use super::name::ObjectName;
use super::{OWNER_LABEL, bystanders, explain, immutable, projection, relations, secrets, status, volumes};

/// An object on a cluster: a manifest when desired, the live object when observed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KubernetesObject(pub Value);

impl fmt::Debug for KubernetesObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match ObjectName::of(&self.0) {
            Ok(name) => write!(f, "KubernetesObject({name})"),
            Err(_) => f.write_str("KubernetesObject"),
        }
    }
}

/// What is known of an object once it exists.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ObjectOutputs {
    /// Identifies the object in space and time.
    pub uid: String,
    /// The address that a Service of type LoadBalancer is reached at.
    pub load_balancer: Option<String>,
}

impl KubernetesObject {
    /// The object's identifier in space and time.
    pub const fn uid() -> Output<Self, String> {
        Output::new("uid")
    }

    /// The address that a Service of type LoadBalancer is reached at.
    pub const fn load_balancer() -> Output<Self, String> {
        Output::new("load_balancer")
    }

    fn kind(&self) -> &str {
        text(&self.0, "/kind")
    }
}

fn named(object: &Value) -> Result<ObjectName, Error> {
    ObjectName::of(object).map_err(|error| Error::bug("an object without a name").with_source(error))
}

fn parsed(name: &str) -> Result<ObjectName, Error> {
    ObjectName::parse(name).ok_or_else(|| Error::bug(format!("`{name}` is not the name of an object")))
}

/// A live object, which must be concealed already, as the engine sees it.
fn observed(live: Value, uses: Vec<String>) -> Result<Observed<KubernetesObject>, Error> {
    let ingress = "/status/loadBalancer/ingress/0";
    let address = ["hostname", "ip"].map(|field| text(&live, &format!("{ingress}/{field}")).to_owned());
    let uid = text(&live, "/metadata/uid").to_owned();
    Ok(Observed {
        name: named(&live)?.to_string(),
        id: uid.clone(),
        outputs: ObjectOutputs { uid, load_balancer: address.into_iter().find(|at| !at.is_empty()) },
        status: status::status(&live),
        attributes: KubernetesObject(live),
        uses,
    })
}

/// Why an object that is there is not touched, and what can be done.
fn foreign(name: &ObjectName, live: &Value, environment: &str) -> Error {
    let mut managers: Vec<&str> =
        items(live, "/metadata/managedFields").iter().map(|entry| text(entry, "/manager")).collect();
    managers.sort_unstable();
    managers.dedup();
    let by = match managers.as_slice() {
        [] => String::new(),
        managers => format!(" (managed by {})", managers.join(", ")),
    };
    let at = name.namespace.as_ref().map_or(String::new(), |namespace| format!(" -n {namespace}"));
    let (kind, object) = (name.kind.kind.to_lowercase(), &name.name);
    let hint = format!(
        "delete or rename it, or hand it over with `kubectl label{at} {kind} {object} {OWNER_LABEL}={environment}`"
    );
    Error::new(
        Class::Conflict,
        format!("`{name}` exists already and does not belong to this environment{by}"),
    )
    .with_hint(hint)
}

impl Resource for KubernetesObject {
    const KIND: &'static str = "kubernetes";
    type Outputs = ObjectOutputs;
    type Client = Kubernetes;

    fn durations(&self) -> Durations {
        match self.kind() {
            "Deployment" | "DaemonSet" | "Job" => Durations::seconds(30, 30, 10, 900),
            "StatefulSet" => Durations::seconds(60, 60, 20, 900),
            "CustomResourceDefinition" => Durations::seconds(2, 1, 5, 300),
            "Certificate" | "ClusterIssuer" | "Issuer" => Durations::seconds(10, 10, 1, 900),
            "Namespace" => Durations::seconds(1, 1, 20, 900),
            // Ports that a cut-off request left allocated are released only then.
            "Service" => Durations::seconds(1, 1, 1, 1200),
            "APIService" => Durations::seconds(10, 1, 1, 300),
            _ => Durations::QUICK,
        }
    }

    fn judge(&self, actual: &Self, changes: &[FieldChange]) -> Verdict {
        immutable::judge(self.kind(), actual.0["immutable"] == true, changes)
    }

    fn project(&self, actual: Self) -> Self {
        Self(projection::project(&self.0, &actual.0))
    }

    fn holds_data(&self) -> Option<String> {
        let claims = items(&self.0, "/spec/volumeClaimTemplates");
        (!claims.is_empty())
            .then(|| "its volumes would lose their last user, and go with the namespace".to_owned())
    }

    async fn bystanders(client: &Kubernetes, seen: &Observed<Self>) -> Result<Vec<String>, Error> {
        bystanders::of(client, &seen.attributes.0).await
    }

    async fn list(client: &Kubernetes) -> Result<Vec<Observed<Self>>, Error> {
        let lists = try_join_all(KINDS.iter().map(|kind| client.list_owned(kind))).await?;
        let mut objects = Vec::new();
        for object in lists.into_iter().flatten() {
            objects.push(secrets::concealed(object, client.secrets()).await);
        }
        let mut uses: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for relation in relations::between(&objects) {
            let used = text(&objects[relation.on], "/metadata/uid").to_owned();
            uses.entry(relation.from).or_default().push(used);
        }
        let with_uses = objects.into_iter().enumerate();
        with_uses.map(|(index, live)| observed(live, uses.remove(&index).unwrap_or_default())).collect()
    }

    async fn read(client: &Kubernetes, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let live = client.get(&parsed(name)?).await?.filter(|live| client.owns(live));
        let Some(live) = live else { return Ok(None) };
        observed(secrets::concealed(live, client.secrets()).await, Vec::new()).map(Some)
    }

    async fn explain(client: &Kubernetes, seen: &Observed<Self>) -> Explanation {
        explain::explanation(client, &seen.attributes.0, &seen.status).await
    }

    async fn remains(client: &Kubernetes, seen: &Observed<Self>) -> Option<Explanation> {
        match text(&seen.attributes.0, "/kind") {
            "Namespace" => volumes::remaining(client, text(&seen.attributes.0, "/metadata/name")).await,
            _ => None,
        }
    }

    async fn create(&self, client: &Kubernetes, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let name = parsed(name)?;
        if let Some(live) = client.get(&name).await?.filter(|live| !client.owns(live)) {
            return Err(foreign(&name, &live, client.environment()));
        }
        // Not forced: nobody else should own fields of an object that did not exist.
        self.apply(client, &name, false).await.map(Some)
    }

    async fn update(
        &self,
        client: &Kubernetes,
        seen: &Observed<Self>,
        _changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        // Forced: the fields that others set differently were shown in the plan, and are taken back.
        self.apply(client, &parsed(&seen.name)?, true).await.map(Some)
    }

    async fn delete(client: &Kubernetes, seen: &Observed<Self>) -> Result<(), Error> {
        // The pods of a workload go before it, so that what they use can be removed after it.
        let propagation = match seen.attributes.kind() {
            "DaemonSet" | "Deployment" | "Job" | "StatefulSet" => PropagationPolicy::Foreground,
            _ => PropagationPolicy::Background,
        };
        match client.delete(&parsed(&seen.name)?, &seen.id, propagation).await {
            Err(error) => Err(explain::refusal(client, &seen.attributes.0, error).await),
            Ok(()) => Ok(()),
        }
    }
}

impl KubernetesObject {
    async fn apply(
        &self,
        client: &Kubernetes,
        name: &ObjectName,
        force: bool,
    ) -> Result<Observed<Self>, Error> {
        let manifest = secrets::revealed(&self.0, client.secrets()).await?;
        let live = match client.apply(name, &manifest, force).await {
            Ok(live) => live,
            Err(error) => return Err(explain::refusal(client, &manifest, error).await),
        };
        observed(secrets::concealed(live, client.secrets()).await, Vec::new())
    }
}
