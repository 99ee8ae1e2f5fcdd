//! Without one of its rights Argo CD does not do its work: so when it does, our roles are what it needs.

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use super::applications::{api, is_well, names, until_all_are_well};
use super::platform::{NAMESPACE, Platform};
use super::{APPLICATION_CONTROLLER, APPLICATION_SET_CONTROLLER, ArgoCd};

/// What `*` stands for in a rule.
const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// The rules without a verb on Applications, and on what else they name beside them.
fn without(verb: &str, rules: &[PolicyRule]) -> Vec<PolicyRule> {
    let mut rules = rules.to_vec();
    let mut taken = 0;
    for rule in &mut rules {
        let named = rule
            .resources
            .iter()
            .flatten()
            .any(|resource| ["*", "applications"].contains(&resource.as_str()));
        if named {
            if rule.verbs == ["*"] {
                rule.verbs = VERBS.map(str::to_owned).into();
            }
            taken += rule.verbs.iter().filter(|known| *known == verb).count();
            rule.verbs.retain(|known| known != verb);
        }
    }
    assert_eq!(taken, 1, "{verb} is granted once in {rules:?}");
    rules
}

#[tokio::test]
async fn nothing_comes_of_services_without_a_right() {
    let platform =
        Platform::start(&[("orders.json", r#"{ "replicas": 1, "greeting": "We take orders" }"#)]).await;
    let client = platform.client();
    let roles: Api<Role> = Api::namespaced(client.clone(), NAMESPACE);
    let cluster_roles: Api<ClusterRole> = Api::all(client.clone());
    let parameters = PatchParams::default();
    let patch = |rules: &[PolicyRule]| Patch::Merge(json!({ "rules": rules }));
    let creating = roles.get(APPLICATION_SET_CONTROLLER).await.expect("a role").rules.expect("rules");
    let patching = cluster_roles.get(APPLICATION_CONTROLLER).await.expect("a role").rules.expect("rules");
    let taken = patch(&without("create", &creating));
    roles.patch(APPLICATION_SET_CONTROLLER, &parameters, &taken).await.expect("a change");
    let taken = patch(&without("patch", &patching));
    cluster_roles.patch(APPLICATION_CONTROLLER, &parameters, &taken).await.expect("a change");

    let mut argo_cd = ArgoCd::start(&platform).await;
    let refused = |verb: &str| format!(r#"cannot {verb} resource \"applications\""#);
    argo_cd.until_complaint(APPLICATION_SET_CONTROLLER, &refused("create")).await;
    argo_cd.until_complaint(APPLICATION_CONTROLLER, &refused("patch")).await;
    assert_eq!(names(&client).await, ["platform"]);
    let root = api(&client, "Application").get("platform").await.expect("the root");
    assert!(is_well(&root).is_err(), "{:?}", root.data);
    assert!(!argo_cd.refusals().is_empty());

    roles.patch(APPLICATION_SET_CONTROLLER, &parameters, &patch(&creating)).await.expect("a change");
    cluster_roles.patch(APPLICATION_CONTROLLER, &parameters, &patch(&patching)).await.expect("a change");
    until_all_are_well(&mut argo_cd, &client, &["monitoring", "orders", "platform"]).await;
}
