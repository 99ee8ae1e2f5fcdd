//! Vault's initialisation: its keys are kept wherever a run breaks off, and never shown.

use std::path::PathBuf;

use age::x25519::Identity;
use serde_json::Value;

use crate::support::Workplace;

const ADDRESS: &str = "vault.initialisation.vault";

/// `environments/onprem.toml` with little beside Vault, whose keys `identity` can read.
struct OnPremises {
    place: Workplace,
    identity: Identity,
}

impl OnPremises {
    fn new() -> Self {
        let place = Workplace::new();
        place.turn_off("onprem", &["argo-cd"]);
        let identity = Identity::generate();
        place.encrypt_keys_to(&identity.to_public().to_string());
        Self { place, identity }
    }

    /// The same with servers that people unseal.
    fn unsealed_by_shares() -> Self {
        let place = Self::new();
        place.place.seal("kind = \"shamir\"\n");
        place
    }

    fn up(&self) {
        self.place.succeed(&["up", "onprem", "--sandbox", "--yes", "--quiet"]);
    }

    fn changes(&self) -> Vec<String> {
        self.place.changes("onprem", &["--sandbox"])
    }

    fn files(&self) -> Vec<PathBuf> {
        let folder = self.place.path().join(".holodeck/sandbox/onprem/recovery");
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        files
    }

    /// What the only file holds.
    fn keys(&self) -> Value {
        let files = self.files();
        let [file] = files.as_slice() else { panic!("{files:?}") };
        let text = std::fs::read(file).expect("a file");
        let text = age::decrypt(&self.identity, &text).expect("a file for this identity");
        serde_json::from_slice(&text).expect("keys in JSON")
    }
}

#[test]
fn keys_are_kept_for_the_recipients_and_shown_to_nobody() {
    let place = OnPremises::new();
    let log = place.place.path().join("log");
    let log = log.to_str().expect("a path");
    let arguments = ["up", "onprem", "--sandbox", "--yes", "--verbose", "--log-file", log];
    let ran = place.place.succeed(&arguments);
    let keys = place.keys();
    assert_eq!((&keys["environment"], &keys["seal"]), (&"onprem".into(), &"transit".into()));
    assert_eq!(keys["recovery_keys"].as_array().map(Vec::len), Some(5));
    let token = keys["root_token"].as_str().expect("a token");
    let shown = ran.stdout + &ran.stderr + &std::fs::read_to_string(log).expect("a log");
    assert!(shown.contains(ADDRESS));
    for secret in [token, keys["recovery_keys"][0].as_str().expect("a key")] {
        assert!(!shown.contains(secret), "{secret}");
    }
    assert_eq!(place.changes(), [""; 0]);
}

/// At every request that the initialisation makes: refused, carried out without an answer, or the end of the process.
#[test]
fn a_run_that_breaks_off_is_continued_with_keys_that_are_kept() {
    let note = "PATCH persistentvolumeclaims";
    for fault in [
        &format!("{note}:fail=Forbidden@1"),
        &format!("{note}:stop-before@1"),
        &format!("{note}:stop-after@1"),
        "PUT sys/init:fail=400@1",
        "PUT sys/init:fail=503@1",
        "PUT sys/init:lose-answer@1",
        "PUT sys/init:stop-before@1",
        "PUT sys/init:stop-after@1",
        &format!("{note}:fail=Forbidden@2"),
        &format!("{note}:fail=ServiceUnavailable@2"),
        &format!("{note}:lose-answer@2"),
        &format!("{note}:stop-before@2"),
        &format!("{note}:stop-after@2"),
    ] {
        let place = OnPremises::new();
        place.place.turn_off("onprem", &["ingress-nginx"]);
        place.place.run(&["up", "onprem", "--sandbox", "--yes", "--quiet", "--sandbox-fault", fault]);
        place.up();
        assert_eq!(place.changes(), [""; 0], "{fault}");
        assert_eq!(place.keys()["recovery_keys"].as_array().map(Vec::len), Some(5), "{fault}");
    }
}

#[test]
fn a_vault_whose_keys_were_lost_is_planned_to_be_made_anew() {
    let place = OnPremises::new();
    let fault = ["--sandbox-fault", "PUT sys/init:stop-after"];
    place.place.run(&[&["up", "onprem", "--sandbox", "--yes"][..], &fault].concat());
    let plan = place.place.run(&["plan", "onprem", "--sandbox"]);
    let expected =
        "vault.initialisation.vault  (must be replaced: it failed: its keys were lost before they were kept";
    assert!(plan.stdout.contains(expected), "{}", plan.stdout);
    assert!(place.files().is_empty(), "{:?}", place.files());
}

/// Another machine may have the file.
#[test]
fn a_vault_whose_keys_may_be_elsewhere_is_made_anew_only_with_permission() {
    let place = OnPremises::new();
    let fault = ["--sandbox-fault", "PUT sys/init:stop-after"];
    place.place.run(&[&["up", "onprem", "--sandbox", "--yes"][..], &fault].concat());
    let cluster = place.place.path().join(".holodeck/sandbox/onprem/kubernetes-given.json");
    let text = std::fs::read_to_string(&cluster).expect("a cluster");
    let (here, there) = ("onprem/recovery` on ", "onprem/recovery` on another-");
    assert!(text.contains(here), "{text}");
    std::fs::write(&cluster, text.replace(here, there)).expect("a file");

    let ran = place.place.run(&["up", "onprem", "--sandbox", "--yes"]);
    assert_eq!(ran.status, 1, "{}", ran.stdout);
    let told = ran.stdout + &ran.stderr;
    assert!(told.contains("on another-") && told.contains(", or nowhere: run `up` there"), "{told}");
    assert!(told.contains(&format!("--allow-replace {ADDRESS}")), "{told}");
    assert_eq!(place.files(), [""; 0].map(PathBuf::from));
    place.place.succeed(&["up", "onprem", "--sandbox", "--yes", "--allow-replace", ADDRESS]);
    assert_eq!(place.keys()["recovery_keys"].as_array().map(Vec::len), Some(5));
}

/// The keys of what is gone would pass for those of what comes.
#[test]
fn no_vault_is_made_on_a_volume_whose_keys_are_kept() {
    let place = OnPremises::new();
    place.up();
    let kept = place.files();
    let cluster = place.place.path().join(".holodeck/sandbox/onprem/kubernetes-given.json");
    let mut world: Value =
        serde_json::from_slice(&std::fs::read(&cluster).expect("a cluster")).expect("JSON");
    forget_initialisation(&mut world);
    std::fs::write(&cluster, world.to_string()).expect("a file");

    let ran = place.place.run(&["up", "onprem", "--sandbox", "--yes"]);
    assert_eq!(ran.status, 1, "{}", ran.stdout);
    let told = "has keys that are kept, but no server has the Vault that they open";
    assert!(ran.stderr.contains(told) && ran.stderr.contains("delete pvc data-vault-"), "{}", ran.stderr);
    assert_eq!(place.files(), kept);
}

/// Empties the volumes of every Vault.
fn forget_initialisation(world: &mut Value) {
    match world {
        Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| match name.as_str() {
            "initialization" => *value = Value::Null,
            "vault-initialized" | "vault-sealed" => *value = (name == "vault-sealed").to_string().into(),
            _ => forget_initialisation(value),
        }),
        Value::Array(values) => values.iter_mut().for_each(forget_initialisation),
        _ => {}
    }
}

#[test]
fn keys_of_an_earlier_vault_stay_when_another_one_takes_its_place() {
    let place = OnPremises::unsealed_by_shares();
    place.up();
    let earlier = place.files();
    place.place.succeed(&["destroy", "onprem", "--sandbox", "--yes", "--quiet"]);
    assert_eq!(place.files(), earlier);
    place.up();
    let files = place.files();
    assert!(files.len() == 2 && files.contains(&earlier[0]), "{files:?}");
}

#[test]
fn servers_that_people_unseal_are_unsealed_by_the_run_that_initialises_them() {
    let place = OnPremises::unsealed_by_shares();
    place.up();
    assert_eq!(place.keys()["unseal_keys"].as_array().map(Vec::len), Some(5));
    assert_eq!(place.changes(), [""; 0]);
}

#[test]
fn nothing_is_initialised_where_keys_cannot_be_kept() {
    let place = OnPremises::new();
    std::fs::create_dir_all(place.place.path().join(".holodeck/sandbox/onprem")).expect("a folder");
    std::fs::write(place.place.path().join(".holodeck/sandbox/onprem/recovery"), "").expect("a file");
    let ran = place.place.run(&["up", "onprem", "--sandbox", "--yes"]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.stderr.contains("no file can be written in") && ran.stderr.contains("recovery_keys.directory")
    );
    assert_eq!(place.changes(), [format!("create {ADDRESS}")]);
}

/// In the account the keys are a version of the secret that is made for them.
#[test]
fn keys_go_to_the_secret_of_the_account() {
    let place = Workplace::new();
    place.turn_off("sandbox", &["argo-cd", "ingress-nginx"]);
    place.succeed(&["up", "sandbox", "--yes", "--quiet", "--sandbox-fault", "PutSecretValue:lose-answer@2"]);
    let world =
        std::fs::read_to_string(place.path().join(".holodeck/sandbox/sandbox/aws.json")).expect("a world");
    let world: Value = serde_json::from_str(&world).expect("JSON");
    let secret = &world["secretsmanager"]["secrets"]["holodeck/sandbox/vault-recovery"];
    let versions = secret["versions"].as_object().expect("versions").values();
    let is_current = |version: &&Value| {
        version["stages"].as_array().is_some_and(|stages| stages.contains(&"AWSCURRENT".into()))
    };
    let version = versions.clone().find(is_current).expect("a version that is read");
    let keys: Value = serde_json::from_str(version["value"]["Text"].as_str().expect("a text")).expect("keys");
    assert_eq!((&keys["seal"], keys["recovery_keys"].as_array().map(Vec::len)), (&"awskms".into(), Some(5)));
    assert_eq!(place.changes("sandbox", &[]), [""; 0]);
}

/// Whoever may not write there, or finds no room, learns it while there are no keys.
#[test]
fn nothing_is_initialised_where_the_secret_takes_no_version() {
    let place = Workplace::new();
    place.turn_off("sandbox", &["argo-cd", "ingress-nginx"]);
    let denied = "PutSecretValue:fail=AccessDeniedException@1";
    let ran = place.run(&["up", "sandbox", "--yes", "--sandbox-fault", denied]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("PutSecretValue"), "{}", ran.stderr);
    assert_eq!(place.changes("sandbox", &[]), [format!("create {ADDRESS}")]);

    place.run(&["up", "sandbox", "--yes", "--sandbox-fault", "PUT sys/init:stop-before@1"]);
    let world = place.path().join(".holodeck/sandbox/sandbox/aws.json");
    let mut accounts: Value = serde_json::from_slice(&std::fs::read(&world).expect("a world")).expect("JSON");
    let secret = &mut accounts["secretsmanager"]["secrets"]["holodeck/sandbox/vault-recovery"];
    let mut versions = secret["versions"].as_object_mut().expect("versions").values_mut();
    let version = versions.next().expect("one that proves that it can be written");
    let stages = version["stages"].as_array_mut().expect("labels");
    stages.extend((stages.len()..19).map(|number| Value::from(format!("kept-{number}"))));
    std::fs::write(&world, accounts.to_string()).expect("a file");
    let ran = place.run(&["up", "sandbox", "--yes"]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("has 19 staging labels, of 20 that it may have"), "{}", ran.stderr);
    assert!(ran.stderr.contains("update-secret-version-stage"), "{}", ran.stderr);
    assert_eq!(place.changes("sandbox", &[]), [format!("create {ADDRESS}")]);
}
