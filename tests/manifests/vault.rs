//! What Vault's servers owe to the key service that unseals them.

use serde_json::Value;

use crate::objects::{items, text};
use crate::together;

fn object(sample: &str, kind: &str, name: &str) -> &'static Value {
    let found = together(sample).find(|object| object.answers(kind, name, Some("vault")));
    &found.unwrap_or_else(|| panic!("no {kind} {name} in {sample}")).value
}

fn server(sample: &str) -> &'static Value {
    let pod = &object(sample, "StatefulSet", "vault")["spec"]["template"]["spec"];
    let mut containers = items(&pod["containers"]).iter();
    containers.find(|container| container["name"] == "vault").expect("the server")
}

/// A server takes these for what it reaches the key service by: they are variables of Vault's clients, and with the seal
/// `transit` it is one (<https://developer.hashicorp.com/vault/docs/configuration/seal/transit>).
#[test]
fn no_variable_leads_the_seal_astray() {
    for sample in ["complete", "least", "public"] {
        for variable in items(&server(sample)["env"]) {
            let is_the_seals = [
                "VAULT_ADDR",
                "VAULT_CACERT",
                "VAULT_CACERT_BYTES",
                "VAULT_CAPATH",
                "VAULT_CLIENT_CERT",
                "VAULT_CLIENT_KEY",
                "VAULT_NAMESPACE",
                "VAULT_SKIP_VERIFY",
                "VAULT_TLS_SERVER_NAME",
                "VAULT_TOKEN",
            ]
            .contains(&text(&variable["name"]));
            assert!(!is_the_seals, "{sample}: {variable}");
        }
    }
}

#[test]
fn the_key_services_authority_is_where_the_seal_looks_for_it() {
    let files = &object("public", "ConfigMap", "vault-config")["data"];
    assert_eq!(files["seal-authority.crt"], "-----BEGIN CERTIFICATE-----\n");
    let mounts = items(&server("public")["volumeMounts"]);
    let mount = mounts.iter().find(|mount| mount["name"] == "config").expect("the configuration");
    let place = format!("tls_ca_cert = \"{}/seal-authority.crt\"", text(&mount["mountPath"]));
    assert!(text(&files["vault.hcl"]).contains(&place), "{files}");
    let others = &object("complete", "ConfigMap", "vault-config")["data"];
    assert!(!text(&others["vault.hcl"]).contains("tls_ca_cert"), "{others}");
}
