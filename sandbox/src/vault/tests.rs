//! Initialising and unsealing as a client of the HTTP API sees it.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use serde_json::{Value, json};

use super::{SHAMIR, Vault, configured_seal, hex};

const TWO_OF_THREE: &str = r#"{"secret_shares": 3, "secret_threshold": 2}"#;
const RECOVERY: &str = r#"{"recovery_shares": 5, "recovery_threshold": 3}"#;

fn ask(vault: &mut Vault, server: &str, seal: &str, operation: &str, body: &str) -> (u16, Value) {
    let (method, path) = operation.split_once(' ').unwrap();
    let uri = format!("https://vault/v1/{path}");
    let request = Request::builder().method(method).uri(uri).body(body.as_bytes().to_vec()).unwrap();
    let response = vault.answer(server, seal, &request);
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

fn refusal(answer: (u16, Value)) -> String {
    assert_eq!(answer.0, 400, "{}", answer.1);
    answer.1["errors"][0].as_str().unwrap().to_owned()
}

fn status(vault: &mut Vault, server: &str) -> Value {
    ask(vault, server, SHAMIR, "GET sys/seal-status", "").1
}

fn unseal(vault: &mut Vault, server: &str, key: &Value) -> (u16, Value) {
    ask(vault, server, SHAMIR, "PUT sys/unseal", &json!({"key": key}).to_string())
}

/// A Vault that three shares open, and these.
fn initialized() -> (Vault, Vec<Value>) {
    let mut vault = Vault::seeded("1");
    let (code, made) = ask(&mut vault, "a", SHAMIR, "PUT sys/init", TWO_OF_THREE);
    assert_eq!(code, 200);
    (vault, made["keys_base64"].as_array().unwrap().clone())
}

#[test]
fn a_shamir_seal_gives_key_shares_and_stays_closed() {
    let mut vault = Vault::default();
    let fresh = status(&mut vault, "a");
    let shown = [&fresh["initialized"], &fresh["sealed"], &fresh["n"], &fresh["recovery_seal"]];
    assert_eq!(shown, [&json!(false), &json!(true), &json!(0), &json!(false)]);
    let (code, made) = ask(&mut vault, "a", SHAMIR, "POST sys/init", TWO_OF_THREE);
    assert_eq!(code, 200);
    let keys = made["keys_base64"].as_array().unwrap();
    let lengths: Vec<usize> =
        keys.iter().map(|key| STANDARD.decode(key.as_str().unwrap()).unwrap().len()).collect();
    assert_eq!(lengths, [33; 3]);
    let first = STANDARD.decode(keys[0].as_str().unwrap()).unwrap();
    assert_eq!(made["keys"][0], hex(&first));
    let token = made["root_token"].as_str().unwrap().strip_prefix("hvs.").unwrap();
    assert_eq!(token.len(), 24);
    assert!(made.get("recovery_keys").is_none());
    let sealed = status(&mut vault, "a");
    assert_eq!((&sealed["initialized"], &sealed["sealed"]), (&json!(true), &json!(true)));
    assert_eq!((&sealed["t"], &sealed["n"], &sealed["type"]), (&json!(2), &json!(3), &json!("shamir")));
    assert!(vault.is_initialized() && vault.is_sealed("a") && vault.leader().is_none());
}

#[test]
fn a_key_in_one_piece_has_no_number() {
    let mut vault = Vault::default();
    let one = r#"{"secret_shares": 1, "secret_threshold": 1}"#;
    let (_, made) = ask(&mut vault, "a", SHAMIR, "PUT sys/init", one);
    assert_eq!(STANDARD.decode(made["keys_base64"][0].as_str().unwrap()).unwrap().len(), 32);
    let (_, open) = unseal(&mut vault, "a", &made["keys"][0]);
    assert_eq!(open["sealed"], false);
}

#[test]
fn a_seal_that_opens_by_itself_gives_recovery_keys_and_opens_every_server() {
    let mut vault = Vault::default();
    let fresh = ask(&mut vault, "a", "awskms", "GET sys/seal-status", "").1;
    assert_eq!((&fresh["type"], &fresh["recovery_seal"]), (&json!("awskms"), &json!(true)));
    let (code, made) = ask(&mut vault, "a", "awskms", "PUT sys/init", RECOVERY);
    assert_eq!(code, 200);
    assert_eq!((&made["keys"], &made["keys_base64"]), (&json!([]), &json!([])));
    assert_eq!(made["recovery_keys"].as_array().unwrap().len(), 5);
    assert_eq!(made["recovery_keys_base64"].as_array().unwrap().len(), 5);
    for server in ["a", "b"] {
        let open = ask(&mut vault, server, "awskms", "GET sys/seal-status", "").1;
        assert_eq!((&open["initialized"], &open["sealed"]), (&json!(true), &json!(false)));
        assert_eq!((&open["t"], &open["n"]), (&json!(3), &json!(5)));
        assert_eq!((&open["type"], &open["recovery_seal_type"]), (&json!("awskms"), &json!("shamir")));
    }
    assert_eq!(vault.leader(), Some("a"));
}

#[test]
fn parameters_must_go_with_the_seal_and_make_sense() {
    let mut vault = Vault::default();
    let mut init = |seal: &str, body: &str| refusal(ask(&mut vault, "a", seal, "PUT sys/init", body));
    assert_eq!(
        init("transit", TWO_OF_THREE),
        "parameters secret_shares,secret_threshold not applicable to seal type transit"
    );
    assert_eq!(
        init(SHAMIR, RECOVERY),
        "parameters recovery_shares,recovery_threshold not applicable to seal type shamir"
    );
    assert_eq!(init("awskms", ""), "recovery configuration must specify a positive number of shares");
    for (shares, threshold, wrong) in [
        (0, 0, "shares must be at least one"),
        (3, 0, "threshold must be at least one"),
        (3, 1, "threshold must be greater than one for multiple shares"),
        (256, 2, "shares must be less than 256"),
        (2, 3, "threshold cannot be larger than shares"),
    ] {
        let body = json!({"secret_shares": shares, "secret_threshold": threshold}).to_string();
        assert_eq!(init(SHAMIR, &body), format!("invalid seal configuration: {wrong}"));
    }
    assert_eq!(
        init("awskms", r#"{"recovery_shares": 2, "recovery_threshold": 1}"#),
        "invalid recovery configuration: threshold must be greater than one for multiple shares"
    );
    assert!(init(SHAMIR, "{").starts_with("failed to parse JSON input: "));
    assert!(!vault.is_initialized());
}

#[test]
fn nobody_initialises_twice() {
    let (mut vault, _) = initialized();
    for server in ["a", "b"] {
        let again = ask(&mut vault, server, SHAMIR, "PUT sys/init", TWO_OF_THREE);
        assert_eq!(refusal(again), "Vault is already initialized");
    }
}

#[test]
fn what_is_not_simulated_says_so() {
    let mut vault = Vault::default();
    let (code, body) = ask(&mut vault, "a", SHAMIR, "GET sys/mounts", "");
    assert_eq!(code, 404);
    assert_eq!(body, json!({"errors": ["the simulated Vault does not serve GET sys/mounts"]}));
    assert_eq!(ask(&mut vault, "a", SHAMIR, "DELETE sys/init", ""), (405, json!({"errors": []})));
}

#[test]
fn enough_shares_open_a_server_and_then_the_others_join() {
    let (mut vault, keys) = initialized();
    let joining = status(&mut vault, "b");
    assert_eq!((&joining["initialized"], &joining["sealed"]), (&json!(false), &json!(true)));
    assert_eq!(ask(&mut vault, "b", SHAMIR, "GET sys/init", "").1, json!({"initialized": false}));
    assert_eq!(refusal(unseal(&mut vault, "b", &keys[0])), "Vault is not initialized");

    let (code, one) = unseal(&mut vault, "a", &keys[0]);
    assert_eq!((code, &one["progress"], &one["sealed"]), (200, &json!(1), &json!(true)));
    assert_eq!(one["nonce"].as_str().unwrap().len(), 36);
    let (_, again) = unseal(&mut vault, "a", &keys[0]);
    assert_eq!((&again["progress"], &again["nonce"]), (&json!(1), &one["nonce"]));
    let (_, open) = unseal(&mut vault, "a", &keys[2]);
    assert_eq!((&open["sealed"], &open["progress"], &open["nonce"]), (&json!(false), &json!(0), &json!("")));
    assert!(open["cluster_name"].as_str().unwrap().starts_with("vault-cluster-"));
    assert_eq!(vault.leader(), Some("a"));

    let joined = status(&mut vault, "b");
    assert_eq!((&joined["initialized"], &joined["sealed"]), (&json!(true), &json!(true)));
    unseal(&mut vault, "b", &keys[1]);
    assert_eq!(unseal(&mut vault, "b", &keys[2]).1["sealed"], false);
    assert_eq!(vault.leader(), Some("a"));
    assert_eq!(unseal(&mut vault, "b", &keys[0]).1["sealed"], false, "an open server takes any share");
}

#[test]
fn a_wrong_share_costs_the_progress() {
    let (mut vault, keys) = initialized();
    let wrong = json!(STANDARD.encode([7; 33]));
    assert_eq!(unseal(&mut vault, "a", &wrong).1["progress"], 1);
    assert_eq!(
        refusal(unseal(&mut vault, "a", &keys[0])),
        "unable to retrieve stored keys: invalid key: failed to decrypt keys from storage"
    );
    assert_eq!(status(&mut vault, "a")["progress"], 0);
    unseal(&mut vault, "a", &wrong);
    let reset = ask(&mut vault, "a", SHAMIR, "PUT sys/unseal", r#"{"reset": true}"#);
    assert_eq!((reset.0, &reset.1["progress"]), (200, &json!(0)));
    unseal(&mut vault, "a", &keys[0]);
    assert_eq!(unseal(&mut vault, "a", &keys[1]).1["sealed"], false);
    let reset = ask(&mut vault, "a", SHAMIR, "PUT sys/unseal", r#"{"reset": true}"#);
    assert_eq!(refusal(reset), "vault is unsealed");
}

#[test]
fn what_is_no_share_is_refused() {
    let (mut vault, _) = initialized();
    for (body, error) in [
        ("{}", "'key' must be specified in request body as JSON, or 'reset' set to true"),
        (r#"{"key": "no key!"}"#, "'key' must be a valid hex or base64 string"),
        (r#"{"key": "c2hvcnQ="}"#, "invalid key: key is shorter than minimum 16 bytes"),
    ] {
        assert_eq!(refusal(ask(&mut vault, "a", SHAMIR, "PUT sys/unseal", body)), error);
    }
    let long = json!(STANDARD.encode([7; 34]));
    assert_eq!(refusal(unseal(&mut vault, "a", &long)), "invalid key: key is longer than maximum 33 bytes");
}

#[test]
fn a_restarted_server_is_sealed_and_another_leads() {
    let (mut vault, keys) = initialized();
    for server in ["a", "b"] {
        unseal(&mut vault, server, &keys[0]);
        unseal(&mut vault, server, &keys[1]);
    }
    unseal(&mut vault, "c", &keys[0]);
    vault.restart("a");
    vault.restart("c");
    assert!(vault.is_sealed("a") && !vault.is_sealed("b"));
    assert_eq!(vault.leader(), Some("b"));
    assert_eq!(status(&mut vault, "c")["progress"], 0);
    vault.keep_running(&BTreeSet::from(["a", "c"]));
    assert_eq!(vault.leader(), None);
    assert_eq!(status(&mut vault, "b")["initialized"], true, "its data outlive its process");
}

#[test]
fn a_restarted_server_opens_by_itself_where_its_seal_can() {
    let mut vault = Vault::default();
    ask(&mut vault, "b", "transit", "PUT sys/init", RECOVERY);
    vault.restart("b");
    assert_eq!((vault.is_sealed("b"), vault.leader()), (false, Some("b")));
    vault.keep_running(&BTreeSet::from(["a", "b"]));
    vault.restart("b");
    assert_eq!((vault.is_sealed("b"), vault.leader()), (false, Some("a")));
}

#[test]
fn vaults_of_different_seeds_have_different_keys_and_debug_output_has_none() {
    let (vault, keys) = initialized();
    let mut other = Vault::seeded("2");
    let (_, made) = ask(&mut other, "a", SHAMIR, "PUT sys/init", TWO_OF_THREE);
    assert_ne!(made["keys_base64"][0], keys[0]);
    let mut given = vault.clone();
    unseal(&mut given, "a", &keys[0]);
    let shown = format!("{given:?}");
    assert!(!shown.contains(keys[0].as_str().unwrap()) && !shown.contains("hvs."), "{shown}");
    let kept = serde_json::to_string(&given).unwrap();
    assert_eq!(serde_json::from_str::<Vault>(&kept).unwrap(), given);
}

#[test]
fn the_seal_is_that_of_the_configuration() {
    let stanza = "listener \"tcp\" {\n}\n\nseal \"transit\" {\n  key_name = \"a\"\n}\n";
    assert_eq!(configured_seal(stanza), Some("transit"));
    assert_eq!(configured_seal("# seal \"transit\" {\nstorage \"raft\" {\n}\n"), None);
}
