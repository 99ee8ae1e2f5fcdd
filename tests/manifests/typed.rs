//! Compares objects with the types of the Kubernetes API: a field that the type does not know, or stores in another form,
//! would be refused by the API server or look like drift for ever.

use k8s_openapi::api::{admissionregistration, apps, batch, core, networking, policy, rbac};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::objects::Object;

/// What differs after a round trip through the object's type; `None` where the type is not a built-in one.
pub fn differences(object: &Object) -> Option<Vec<String>> {
    let round_trip = match (object.api_version(), object.kind()) {
        ("v1", "ConfigMap") => convert::<core::v1::ConfigMap>,
        ("v1", "Namespace") => convert::<core::v1::Namespace>,
        ("v1", "Secret") => convert::<core::v1::Secret>,
        ("v1", "Service") => convert::<core::v1::Service>,
        ("v1", "ServiceAccount") => convert::<core::v1::ServiceAccount>,
        ("apps/v1", "DaemonSet") => convert::<apps::v1::DaemonSet>,
        ("apps/v1", "Deployment") => convert::<apps::v1::Deployment>,
        ("apps/v1", "StatefulSet") => convert::<apps::v1::StatefulSet>,
        ("batch/v1", "CronJob") => convert::<batch::v1::CronJob>,
        ("batch/v1", "Job") => convert::<batch::v1::Job>,
        ("networking.k8s.io/v1", "Ingress") => convert::<networking::v1::Ingress>,
        ("networking.k8s.io/v1", "IngressClass") => convert::<networking::v1::IngressClass>,
        ("networking.k8s.io/v1", "NetworkPolicy") => convert::<networking::v1::NetworkPolicy>,
        ("policy/v1", "PodDisruptionBudget") => convert::<policy::v1::PodDisruptionBudget>,
        ("rbac.authorization.k8s.io/v1", "ClusterRole") => convert::<rbac::v1::ClusterRole>,
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding") => convert::<rbac::v1::ClusterRoleBinding>,
        ("rbac.authorization.k8s.io/v1", "Role") => convert::<rbac::v1::Role>,
        ("rbac.authorization.k8s.io/v1", "RoleBinding") => convert::<rbac::v1::RoleBinding>,
        ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration") => {
            convert::<admissionregistration::v1::MutatingWebhookConfiguration>
        }
        ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration") => {
            convert::<admissionregistration::v1::ValidatingWebhookConfiguration>
        }
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition") => {
            convert::<apiextensions::v1::CustomResourceDefinition>
        }
        _ => return None,
    };
    Some(match round_trip(&object.value) {
        Ok(stored) => {
            let mut found = Vec::new();
            compare(&object.value, &stored, "", &mut found);
            found
        }
        Err(error) => vec![error],
    })
}

fn convert<T: DeserializeOwned + Serialize>(value: &Value) -> Result<Value, String> {
    let typed: T = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
    serde_json::to_value(typed).map_err(|error| error.to_string())
}

fn compare(written: &Value, stored: &Value, path: &str, found: &mut Vec<String>) {
    match (written, stored) {
        (Value::Object(written), Value::Object(stored)) => {
            for (key, value) in written {
                match stored.get(key) {
                    Some(kept) => compare(value, kept, &format!("{path}.{key}"), found),
                    None => found.push(format!("{path}.{key} is unknown to the type, or empty")),
                }
            }
        }
        (Value::Array(written), Value::Array(stored)) if written.len() == stored.len() => {
            for (index, (value, kept)) in written.iter().zip(stored).enumerate() {
                compare(value, kept, &format!("{path}[{index}]"), found);
            }
        }
        // Bounds in schemas are stored as floating-point numbers.
        (Value::Number(written), Value::Number(stored)) if written.as_f64() == stored.as_f64() => {}
        _ if written == stored => {}
        _ => found.push(format!("{path} is {written} but stored as {stored}")),
    }
}
