//! Rights are bound to accounts that exist, and are spelled out.

use serde_json::json;

use crate::exceptions::excepted;
use crate::judge;
use crate::objects::{Object, items, text};

#[test]
fn bindings_bind_existing_roles_to_existing_accounts() {
    judge(|rendering, found| {
        let exists = |kind: &str, name: &str, namespace: Option<&str>| {
            rendering.objects.iter().any(|object| object.answers(kind, name, namespace))
        };
        for binding in rendering.objects.iter().filter(|object| object.kind().ends_with("RoleBinding")) {
            let role = &binding.value["roleRef"];
            let namespace = if role["kind"] == "Role" { binding.namespace() } else { None };
            if !exists(text(&role["kind"]), text(&role["name"]), namespace) {
                found.push(format!("{}: no role {role}", binding.place()));
            }
            for account in items(&binding.value["subjects"]) {
                if !exists("ServiceAccount", text(&account["name"]), account["namespace"].as_str()) {
                    found.push(format!("{}: no account {account}", binding.place()));
                }
            }
        }
    });
}

#[test]
fn roles_are_bound_or_meant_for_people() {
    judge(|rendering, found| {
        for role in rendering.objects.iter().filter(|object| ["Role", "ClusterRole"].contains(&object.kind()))
        {
            let bound = rendering.objects.iter().any(|binding| {
                binding.kind().ends_with("RoleBinding")
                    && binding.value["roleRef"]["kind"] == role.kind()
                    && binding.value["roleRef"]["name"] == role.name()
            });
            let aggregated = role
                .labels()
                .keys()
                .any(|label| label.starts_with("rbac.authorization.k8s.io/aggregate-to-"));
            if !bound && !aggregated {
                found.push(format!("{} is bound to nobody", role.place()));
            }
        }
    });
}

#[test]
fn rights_are_spelled_out() {
    judge(|rendering, found| {
        for role in rendering.objects.iter().filter(|object| ["Role", "ClusterRole"].contains(&object.kind()))
        {
            for rule in items(&role.value["rules"]) {
                let wild = ["verbs", "resources", "apiGroups", "nonResourceURLs"]
                    .iter()
                    .any(|list| items(&rule[*list]).contains(&json!("*")));
                if wild && !excepted("wildcard", &subject(role)) {
                    found.push(format!("{}: {rule}", role.place()));
                }
            }
        }
    });
}

fn subject(role: &Object) -> String {
    format!("{}/{}", role.component, role.name())
}

#[test]
fn every_workload_has_an_account_of_its_own() {
    judge(|rendering, found| {
        let mut owners = std::collections::BTreeMap::new();
        for object in &rendering.objects {
            let Some(template) = object.template() else { continue };
            let account = text(&template["spec"]["serviceAccountName"]);
            let declared = rendering
                .objects
                .iter()
                .any(|other| other.answers("ServiceAccount", account, object.namespace()));
            if !declared {
                found.push(format!("{}: no account {account:?}", object.place()));
            }
            if let Some(other) = owners.insert(account.to_owned(), object.place()) {
                found.push(format!("{} shares its account with {other}", object.place()));
            }
        }
    });
}
