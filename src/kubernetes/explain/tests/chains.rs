//! What is told by objects beside the one that is awaited: claims, certificates, load balancers, webhooks, removals.

use holodeck_engine::{Class, Error};
use serde_json::{Value, json};

use super::world::{World, containers, event, object, owned, pod};
use crate::kubernetes::explain::refusal;

#[tokio::test]
async fn claims() {
    let claim = object("v1", "PersistentVolumeClaim", "data", json!({"phase": "Pending"}));
    let describe = "look further with `kubectl -n a describe persistentvolumeclaim data`";
    assert_eq!(World::default().told(&claim).await, format!("it is Pending\n{describe}"));
    let waits = ("Normal", "WaitForFirstConsumer", "waiting for first consumer to be created before binding");
    assert_eq!(
        World::of([event(&claim, 1, waits)]).told(&claim).await,
        format!(
            "it is Pending; WaitForFirstConsumer: waiting for first consumer to be created before binding\n{describe}"
        )
    );
}

#[tokio::test]
async fn load_balancers() {
    let mut service = object("v1", "Service", "web", json!({}));
    service["spec"] = json!({"type": "LoadBalancer"});
    let before = "its load balancer has no address yet; ";
    let hint = "\nlook further with `kubectl -n a describe service web`";
    let ensuring = event(&service, 2, ("Normal", "EnsuringLoadBalancer", "Ensuring load balancer"));
    let failed = event(&service, 1, ("Warning", "SyncLoadBalancerFailed", "no subnet is tagged"));
    let mut of_class = service.clone();
    of_class["spec"]["loadBalancerClass"] = json!("example.com/lb");
    for (service, events, expected) in [
        (&service, vec![], "no load balancer controller has answered yet"),
        (&of_class, vec![], "no load balancer controller for class example.com/lb has answered yet"),
        (&service, vec![ensuring.clone()], "EnsuringLoadBalancer: Ensuring load balancer"),
        (&service, vec![ensuring, failed], "SyncLoadBalancerFailed: no subnet is tagged"),
    ] {
        assert_eq!(World::of(events).told(service).await, format!("{before}{expected}{hint}"));
    }
}

#[tokio::test]
async fn certificates_are_followed_down_to_the_challenge() {
    let not_yet = json!({"type": "Ready", "status": "False", "reason": "DoesNotExist", "message": "Issuing"});
    let certificate = object("cert-manager.io/v1", "Certificate", "web", json!({"conditions": [not_yet]}));
    let condition = |kind: &str, status: &str, message: &str| json!({"type": kind, "status": status, "reason": "Pending", "message": message});
    let request = |conditions: Value| {
        let request =
            object("cert-manager.io/v1", "CertificateRequest", "web-1", json!({"conditions": conditions}));
        owned(request, &certificate)
    };
    let approved = condition("Approved", "True", "");
    let requested = request(json!([approved, condition("Ready", "False", "waiting on order")]));
    let acme = "acme.cert-manager.io/v1";
    let order = owned(object(acme, "Order", "web-1-2", json!({"state": "pending"})), &requested);
    let challenge = |name: &str, status: Value| {
        let mut challenge = owned(object(acme, "Challenge", name, status), &order);
        challenge["spec"] = json!({"dnsName": "web.example.com"});
        challenge
    };
    let valid = challenge("web-1-2-0", json!({"state": "valid"}));
    let pending =
        challenge("web-1-2-3", json!({"state": "pending", "reason": "DNS record not yet propagated"}));
    let old = owned(object(acme, "Order", "older", json!({"state": "valid"})), &requested);
    let chain = [requested.clone(), old, order.clone(), valid, pending];
    for (length, told, command) in [
        (0, "", "describe certificate web"),
        (1, "; certificate request web-1: Pending: waiting on order", "describe certificaterequest web-1"),
        (3, "; order web-1-2 is pending", "describe order web-1-2"),
        (
            5,
            "; challenge web-1-2-3 for web.example.com is pending: DNS record not yet propagated",
            "describe challenge web-1-2-3",
        ),
    ] {
        let world = World::of(chain[..length].to_vec());
        let expected = format!("DoesNotExist: Issuing{told}\nlook further with `kubectl -n a {command}`");
        assert_eq!(world.told(&certificate).await, expected);
    }
    for (conditions, told) in [
        (json!([]), "it has not been approved yet"),
        (json!([approved]), "its issuer has not answered yet"),
        (json!([condition("Denied", "True", "no policy allows it")]), "Pending: no policy allows it"),
    ] {
        let text = World::of([request(conditions)]).told(&certificate).await;
        assert!(text.contains(&format!("certificate request web-1: {told}\n")), "{text}");
    }
    let mut failed = certificate.clone();
    let issuing = condition("Issuing", "False", "The request has failed and is retried");
    failed["status"]["conditions"] = json!([certificate["status"]["conditions"][0], issuing]);
    let text = World::default().told(&failed).await;
    assert!(text.starts_with("DoesNotExist: Issuing; The request has failed and is retried\n"), "{text}");
}

fn service() -> Value {
    let mut service = object("v1", "Service", "hook", json!({}));
    service["spec"] = json!({"selector": {"app": "web"}});
    service
}

#[tokio::test]
async fn a_webhook_that_cannot_be_asked_is_told_with_the_pods_behind_it() {
    let refused = || {
        let message = "Internal error occurred: failed calling webhook \"w.example.com\": failed to call webhook: Post \
                       \"https://hook.a.svc:443/validate?timeout=10s\": no endpoints available for service \"hook\"";
        Error::not_yet("applying `a.ingress.web`").with_source(message.to_owned())
    };
    let mut without_selector = service();
    without_selector["spec"] = json!({});
    let ready = pod("web-0", json!({"conditions": [{"type": "Ready", "status": "True"}]}));
    let waiting = containers(json!({"waiting": {"reason": "InvalidImageName"}}), json!({}));
    for (objects, state, command) in [
        (vec![], "service a/hook does not exist", "get services"),
        (vec![without_selector], "service a/hook selects no pods", "describe service hook"),
        (vec![service()], "there is no pod with its labels (app=web)", "get pods -l app=web"),
        (vec![service(), ready], "the pod behind it is ready", "get pods -l app=web"),
        (
            vec![service(), pod("web-0", waiting)],
            "pod web-0: image web:1 of container web cannot be had: InvalidImageName",
            "describe pod web-0",
        ),
    ] {
        let error = refusal(&World::of(objects).client(), &json!({"kind": "Ingress"}), refused()).await;
        assert_eq!(error.class, Class::NotYet);
        assert_eq!(
            error.chain(),
            format!(
                "applying `a.ingress.web`: webhook w.example.com cannot be asked: no pod is ready behind its service \
                 a/hook; {state}"
            )
        );
        assert_eq!(error.hint(), Some(&*format!("look further with `kubectl -n a {command}`")));
    }
}

#[tokio::test]
async fn an_api_service_is_told_with_the_pods_behind_it() {
    let missing =
        json!({"type": "Available", "status": "False", "reason": "MissingEndpoints", "message": "none"});
    let mut api = object("apiregistration.k8s.io/v1", "APIService", "v1.x", json!({"conditions": [missing]}));
    api["spec"] = json!({"service": {"namespace": "a", "name": "hook"}});
    assert_eq!(
        World::of([service()]).told(&api).await,
        "MissingEndpoints: none; there is no pod with its labels (app=web)\nlook further with `kubectl -n a get pods -l \
         app=web`"
    );
}

#[tokio::test]
async fn removals_show_how_to_see_what_remains() {
    let leaving = |kind: &str, name: &str, conditions: Value| {
        let mut object = object("v1", kind, name, json!({"conditions": conditions}));
        object["metadata"] = json!({
            "name": name, "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example.com/guard"],
        });
        object
    };
    let condition = |kind: &str, message: &str| json!({"type": kind, "status": "True", "reason": "x", "message": message});
    let resources = "Some resources are remaining: pods. has 1 resource instances, orders.acme.cert-manager.io has 2 \
                     resource instances";
    let finalizers = "Some content in the namespace has finalizers remaining: x/y in 2 resource instances";
    let remaining = json!([
        condition("NamespaceContentRemaining", resources),
        condition("NamespaceFinalizersRemaining", finalizers),
    ]);
    let definition = json!([condition("Terminating", "CustomResource deletion is in progress")]);
    for (object, told, command) in [
        (
            leaving("Namespace", "a", remaining),
            format!("{resources}; {finalizers}"),
            "kubectl -n a get pods,orders.acme.cert-manager.io",
        ),
        (
            leaving("Namespace", "a", json!([])),
            "waits for its finalizers: example.com/guard".to_owned(),
            "kubectl get namespace a -o yaml",
        ),
        (
            leaving("CustomResourceDefinition", "w.example.com", definition),
            "CustomResource deletion is in progress".to_owned(),
            "kubectl get w.example.com --all-namespaces",
        ),
    ] {
        assert_eq!(World::default().told(&object).await, format!("{told}\nlook further with `{command}`"));
    }
}
