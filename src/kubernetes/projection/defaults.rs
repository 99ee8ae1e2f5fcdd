//! Values that the server fills into fields that have one owner as a whole, where ownership does not tell them apart.
//!
//! Only items of atomic lists and atomic structures need this. Defaults of the built-in kinds:
//! <https://kubernetes.io/docs/reference/kubernetes-api/>.

use serde_json::Value;

/// Whether the server would fill in `value` for an absent field `name`.
pub(super) fn is_default(name: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => is_default_text(name, text),
        Value::Number(number) => {
            matches!((name, number.as_i64()), ("defaultMode", Some(420)) | ("expirationSeconds", Some(3600)))
        }
        Value::Object(fields) => match name {
            // Of claim templates, which are objects inside an object.
            "status" => fields.get("phase").is_some_and(|phase| phase == "Pending"),
            "rollingUpdate" => true,
            _ => !fields.is_empty() && fields.iter().all(|(name, value)| is_default(name, value)),
        },
        Value::Bool(_) | Value::Array(_) => false,
    }
}

fn is_default_text(name: &str, text: &str) -> bool {
    const DEFAULTS: &[(&str, &[&str])] = &[
        ("apiGroup", &["rbac.authorization.k8s.io"]),
        ("apiVersion", &["v1"]),
        ("divisor", &["0"]),
        ("kind", &["PersistentVolumeClaim"]),
        ("matchPolicy", &["Equivalent"]),
        ("operator", &["Equal"]),
        ("pathType", &["ImplementationSpecific"]),
        ("policy", &["Cluster"]),
        ("protocol", &["TCP"]),
        ("scheme", &["HTTP"]),
        ("scope", &["*"]),
        ("type", &["RollingUpdate", "ClusterIP"]),
        ("volumeMode", &["Filesystem"]),
    ];
    DEFAULTS.iter().any(|(field, values)| *field == name && values.contains(&text))
}
