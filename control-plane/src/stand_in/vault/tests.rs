//! How long the played Vault remembers what, without a server.

use http::StatusCode;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use serde_json::{Value, json};

use super::installed::Installed;

const SHARES: &str = r#"{"secret_shares": 1, "secret_threshold": 1}"#;

fn pod(name: &str, uid: &str) -> Pod {
    let pod = json!({ "metadata": { "name": name, "uid": uid }, "status": { "phase": "Running" } });
    serde_json::from_value(pod).unwrap()
}

fn claim(name: &str, uid: &str) -> PersistentVolumeClaim {
    serde_json::from_value(json!({ "metadata": { "name": name, "uid": uid } })).unwrap()
}

fn put(installed: &mut Installed, server: &str, path: &str, body: &str) -> Value {
    let request = http::Request::put(format!("/v1/sys/{path}")).body(body.as_bytes().to_vec()).unwrap();
    let answer = installed.answer(server, "shamir", &request).expect("a server that runs");
    assert_eq!(answer.status(), StatusCode::OK);
    serde_json::from_slice(answer.body()).unwrap()
}

/// A Vault with one server, unsealed, and what its first claim and pod are.
fn unsealed() -> (Installed, Pod, PersistentVolumeClaim) {
    let (pod, claim) = (pod("vault-0", "first pod"), claim("data-vault-0", "first claim"));
    let mut installed = Installed::default();
    installed.see(std::slice::from_ref(&pod), std::slice::from_ref(&claim));
    let keys = put(&mut installed, "vault-0", "init", SHARES);
    put(&mut installed, "vault-0", "unseal", &json!({ "key": keys["keys"][0] }).to_string());
    assert!(installed.is_initialized() && !installed.is_sealed("vault-0"));
    (installed, pod, claim)
}

#[test]
fn a_pod_made_anew_is_sealed_again() {
    let (mut installed, _, claim) = unsealed();
    installed.see(&[pod("vault-0", "second pod")], &[claim]);
    assert!(installed.is_initialized() && installed.is_sealed("vault-0"));
    assert!(installed.labels("vault-0").contains(&("vault-sealed", "true")));
}

#[test]
fn a_server_without_a_pod_does_not_answer() {
    let (mut installed, _, claim) = unsealed();
    installed.see(&[], &[claim]);
    let request = http::Request::get("/v1/sys/seal-status").body(Vec::new()).unwrap();
    assert!(installed.answer("vault-0", "shamir", &request).is_none());
    assert!(installed.is_initialized() && installed.is_sealed("vault-0"));
}

#[test]
fn vault_is_remembered_as_long_as_one_of_its_claims_is_there() {
    let (mut installed, pod, first) = unsealed();
    let later = claim("data-vault-1", "later claim");
    installed.see(std::slice::from_ref(&pod), &[later.clone(), first]);
    assert!(installed.is_initialized());
    // A claim of the same name is another claim, and one that came later never held anything alone.
    installed.see(std::slice::from_ref(&pod), &[later, claim("data-vault-0", "second claim")]);
    assert!(!installed.is_initialized() && installed.is_sealed("vault-0"));
}

#[test]
fn keys_of_another_time_are_other_keys() {
    let (mut first, pod, _) = unsealed();
    first.see(std::slice::from_ref(&pod), &[]);
    first.see(std::slice::from_ref(&pod), &[claim("data-vault-0", "second claim")]);
    let mut before = Installed::default();
    before.see(std::slice::from_ref(&pod), &[claim("data-vault-0", "first claim")]);
    let keys = |installed: &mut Installed| put(installed, "vault-0", "init", SHARES)["keys"].clone();
    assert_ne!(keys(&mut first), keys(&mut before));
}
