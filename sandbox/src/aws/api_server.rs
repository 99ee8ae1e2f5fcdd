//! The Kubernetes API servers of the simulated world: those of its EKS clusters, which `kube::Client` reaches at a
//! cluster's endpoint, and that of a cluster that was given. The way to a cluster's pods leads through them.
//!
//! Invariants: an endpoint answers from the moment its cluster is active until its deletion begins, and refuses the
//! connection at any other time; a cluster's objects are kept in a file of their own, named by the cluster's id, so that
//! a cluster made anew under an old name is empty, and a change of an object does not write the whole account.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use kube::core::Status;

use super::admission::{Admission, Ending, Refusal};
use super::connection::Shared;
use super::dispatch::Call;
use super::eks::{self, Node};
use super::{SimulatedAws, World};
use crate::kubernetes::{
    self, Cluster, ClusterStore, GivenCluster, NodeSpec, Serve, SimulatedPods, Taint, Verdict,
};
use crate::store::StoreError;

impl SimulatedAws {
    /// A client of the cluster whose endpoint this is, such as DescribeCluster shows it. It can be made before the cluster
    /// is there; its requests then fail as those to a closed port do.
    ///
    /// Must be called within a tokio runtime.
    pub fn kubernetes(&self, endpoint: &str) -> kube::Client {
        kubernetes::client(self.server(Place::Endpoint(endpoint.to_owned())))
    }

    /// A client of a cluster that is there from the beginning.
    ///
    /// Must be called within a tokio runtime.
    pub fn given_kubernetes(&self, given: GivenCluster) -> kube::Client {
        kubernetes::client(self.server(Place::Given(given)))
    }

    /// The way to the pods of the cluster whose endpoint this is; it is closed while there is no such cluster.
    pub fn pods(&self, endpoint: &str) -> SimulatedPods {
        SimulatedPods::of(self.server(Place::Endpoint(endpoint.to_owned())))
    }

    /// The way to the pods of a cluster that is there from the beginning.
    pub fn given_pods(&self, given: GivenCluster) -> SimulatedPods {
        SimulatedPods::of(self.server(Place::Given(given)))
    }

    fn server(&self, place: Place) -> Arc<ApiServer> {
        Arc::new(ApiServer { shared: Arc::clone(&self.0), place, stop_after: AtomicBool::new(false) })
    }
}

/// Which cluster an API server belongs to.
enum Place {
    /// The EKS cluster with this endpoint.
    Endpoint(String),
    /// The one that was given.
    Given(GivenCluster),
}

/// The API server of one cluster.
struct ApiServer {
    shared: Arc<Shared>,
    place: Place,
    /// A fault stops the process once the request under way is served.
    stop_after: AtomicBool,
}

#[async_trait]
impl ClusterStore for ApiServer {
    async fn admit(&self, method: &Method, path: &str) -> Verdict {
        let operation = format!("{method} {}", plural(path));
        self.pass("Kubernetes", operation, method != Method::GET, refusal).await
    }

    async fn admit_to_pod(&self, service: &str, operation: &str, changes: bool) -> Verdict {
        self.pass(service, operation.to_owned(), changes, refusal_by_pod).await
    }

    fn with(&self, serve: &mut Serve<'_>) -> Option<Response<Bytes>> {
        let mut world = self.shared.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.now = self.shared.clock.now();
        super::settle(&mut world);
        let response = self.answer(&world, serve).unwrap_or_else(|error| Some(broken(&error)));
        if self.stop_after.swap(false, Ordering::SeqCst) {
            self.shared.stop();
        }
        response
    }
}

impl ApiServer {
    async fn pass(
        &self,
        service: &str,
        operation: String,
        changes: bool,
        refusal: fn(Refusal) -> Status,
    ) -> Verdict {
        let call = Call { service: service.to_owned(), operation, at: self.shared.clock.now(), changes };
        let ending = match self.shared.admit(&call).await {
            Admission::Unreachable => return Verdict::Unreachable,
            Admission::Refused(why) => return Verdict::Refuse(Box::new(refusal(why))),
            Admission::Served(ending) => ending,
        };
        if ending == Ending::ProcessStops {
            self.stop_after.store(true, Ordering::SeqCst);
        }
        self.shared.record(call);
        if ending == Ending::Answered { Verdict::Serve } else { Verdict::LoseAnswer }
    }

    fn answer(&self, world: &World, serve: &mut Serve<'_>) -> Result<Option<Response<Bytes>>, StoreError> {
        let Some(Found { id, fresh, version, nodes }) = self.find(world) else { return Ok(None) };
        let file = format!("kubernetes-{id}.json");
        let mut clusters = self.shared.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        let cluster = match clusters.remove(&id) {
            Some(cluster) => Some(cluster),
            None => self.shared.store.load(&file)?,
        };
        let mut cluster: Cluster = cluster.unwrap_or_else(fresh);
        let before = cluster.revision();
        cluster.set_version(&version);
        let response = serve(&mut cluster, world.now, &nodes);
        let kept =
            if cluster.revision() == before { Ok(()) } else { self.shared.store.save(&file, &cluster) };
        clusters.insert(id, cluster);
        kept.map(|()| Some(response))
    }

    /// The cluster at the world's present, if it answers.
    fn find<'a>(&'a self, world: &World) -> Option<Found<'a>> {
        let now = world.now;
        match &self.place {
            Place::Endpoint(endpoint) => eks::endpoint(world, endpoint).map(|found| Found {
                nodes: eks::nodes(world, &found.name).into_iter().map(node).collect(),
                version: found.version.clone(),
                id: found.id,
                fresh: Box::new(move || Cluster::new(&found.version, found.since)),
            }),
            Place::Given(given) => Some(Found {
                id: "given".to_owned(),
                version: given.version.clone(),
                nodes: given.machines(),
                fresh: Box::new(move || given.cluster(now)),
            }),
        }
    }
}

/// What answers for a cluster.
struct Found<'a> {
    /// What its file is named by.
    id: String,
    version: String,
    nodes: Vec<NodeSpec>,
    /// The cluster before anything happened to it.
    fresh: Box<dyn FnOnce() -> Cluster + 'a>,
}

fn node(node: Node) -> NodeSpec {
    let taint =
        |(key, value, effect): (String, String, &str)| Taint { key, value, effect: effect.to_owned() };
    NodeSpec {
        name: node.name,
        instance_type: node.instance_type,
        zone: node.zone,
        labels: node.labels,
        taints: node.taints.into_iter().map(taint).collect(),
        ready_at: node.ready_at,
    }
}

/// The kind of object that a path is about, as its plural: `deployments` of `/apis/apps/v1/namespaces/a/deployments/b`.
fn plural(path: &str) -> &str {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let rest = match parts.as_slice() {
        ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => rest,
        other => other,
    };
    match rest {
        ["namespaces", _, plural, ..] => plural,
        [plural, ..] => plural,
        [] => "",
    }
}

fn refusal(why: Refusal) -> Status {
    let (reason, code) = match &why {
        Refusal::Error(reason) => (reason.as_str(), StatusCode::FORBIDDEN),
        Refusal::Throttled => ("TooManyRequests", StatusCode::TOO_MANY_REQUESTS),
    };
    Status::failure("This request was made to fail.", reason).with_code(code.as_u16())
}

/// What runs in a pod knows HTTP's codes only: a number is such a code, any other word is a message.
fn refusal_by_pod(why: Refusal) -> Status {
    let (message, code) = match &why {
        Refusal::Throttled => ("rate limit quota exceeded", StatusCode::TOO_MANY_REQUESTS),
        Refusal::Error(error) => match error.parse() {
            Ok(code) => ("This request was made to fail.", code),
            Err(_) => (error.as_str(), StatusCode::SERVICE_UNAVAILABLE),
        },
    };
    Status::failure(message, "").with_code(code.as_u16())
}

fn broken(error: &StoreError) -> Response<Bytes> {
    let status = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "InternalError",
        "message": error.to_string(), "code": 500,
    });
    let mut response = Response::new(Bytes::from(status.to_string()));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ConfigMap, Node};
    use kube::Api;
    use kube::api::{ListParams, PostParams};

    use super::super::landscape::{Landscape, minutes};

    #[tokio::test(start_paused = true)]
    async fn a_cluster_answers_while_it_is_there_with_the_nodes_of_its_groups() {
        let landscape = Landscape::with_nodes().await;
        let endpoint = landscape.cluster().await.endpoint().unwrap().to_owned();
        let client = landscape.account.kubernetes(&endpoint);
        let nodes: Api<Node> = Api::all(client.clone());
        let found = nodes.list(&ListParams::default()).await.unwrap();
        assert_eq!(found.items.len(), 2);
        assert_eq!(found.items[0].metadata.labels.as_ref().unwrap()["tier"], "general");
        let maps: Api<ConfigMap> = Api::default_namespaced(client);
        let map = ConfigMap {
            metadata: kube::core::ObjectMeta { name: Some("a".into()), ..Default::default() },
            ..Default::default()
        };
        maps.create(&PostParams::default(), &map).await.unwrap();
        let again: Api<ConfigMap> = Api::default_namespaced(landscape.account.kubernetes(&endpoint));
        again.get("a").await.unwrap();
        let eks = landscape.account.eks();
        eks.delete_nodegroup().cluster_name("main").nodegroup_name("general").send().await.unwrap();
        minutes(4).await;
        assert!(nodes.list(&ListParams::default()).await.unwrap().items.is_empty());
        eks.delete_cluster().name("main").send().await.unwrap();
        assert!(maps.get("a").await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_of_no_cluster_refuses_the_connection() {
        let landscape = Landscape::new().await;
        let nodes: Api<Node> =
            Api::all(landscape.account.kubernetes("https://none.gr7.eu-west-1.eks.amazonaws.com"));
        assert!(matches!(nodes.list(&ListParams::default()).await, Err(kube::Error::Service(_))));
    }

    #[test]
    fn plurals_are_read_off_paths() {
        for (path, plural) in [
            ("/api/v1/namespaces/a/configmaps/b", "configmaps"),
            ("/api/v1/namespaces/a", "namespaces"),
            ("/apis/apps/v1/deployments", "deployments"),
            ("/version", "version"),
        ] {
            assert_eq!(super::plural(path), plural, "{path}");
        }
    }
}
