//! The servers of Vault, as their pods tell and as they answer themselves, and what is noted about their keys.
//!
//! The note stands at a claim for their data, so it lives exactly as long as what it speaks of.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use holodeck_engine::{Class, Error};
use kube::api::{ListParams, PropagationPolicy};
use serde_json::Value;

use super::api::{self, Server};
use super::keys::Keys;
use crate::components::VAULT;
use crate::kubernetes::field::{items, label, text};
use crate::kubernetes::kinds::{Kind, POD};
use crate::kubernetes::tunnel::PodPort;
use crate::kubernetes::{Kubernetes, ObjectName};
use crate::safe_place::SafePlace;

/// The labels that select the servers' pods; upstream's chart has the second one in a short form.
const NAME: (&str, &str) = ("app.kubernetes.io/name", "vault");
const COMPONENT: [(&str, &str); 2] = [("app.kubernetes.io/component", "server"), ("component", "server")];
/// Where they listen.
const PORT: u16 = 8200;
/// The Service that gives each of them a name.
const SERVICE: &str = "vault-internal";
/// The Secret with the authority that their certificates are signed by.
const CERTIFICATE: &str = "vault-server-tls";
/// The volume that they keep their data in.
const DATA: &str = "data";
/// The annotations at a claim for the data that tell what became of the keys, and where that was to be.
const NOTE: &str = "holodeck.dev/vault-keys";
const PLACE: &str = "holodeck.dev/vault-keys-in";
const ANNOUNCED: &str = "announced";
const KEPT: &str = "kept";

/// The connection to the servers of one Vault.
pub struct VaultServers {
    kubernetes: Arc<Kubernetes>,
    environment: String,
    seal: String,
    place: Arc<dyn SafePlace>,
    fresh: Mutex<Option<Fresh>>,
}

/// Keys that came into being in this run.
#[derive(Clone)]
struct Fresh {
    /// The claim that they belong to.
    claim: String,
    keys: Keys,
    are_kept: bool,
}

/// One look at all servers.
pub struct Look {
    /// The servers, in the order of their names.
    pub servers: Vec<Seen>,
    /// The claims for their data: those with a note, then the others, each in the order of their names.
    pub claims: Vec<Claim>,
    /// The authority that their certificates are signed by, as PEM; empty where none had to be asked.
    authority: Vec<u8>,
}

/// A server as it is.
pub struct Seen {
    /// The name of its pod.
    pub pod: String,
    uid: String,
    /// The claim for its data.
    claim: Option<String>,
    /// How it is.
    pub state: State,
}

/// How a server is.
#[derive(Debug)]
pub enum State {
    /// It does not answer, for this reason.
    Unknown(Error),
    /// It belongs to no Vault yet.
    Uninitialised,
    /// It cannot read what it stores.
    Sealed,
    /// It works.
    Unsealed,
}

/// A claim for the data of a server.
#[derive(Clone)]
pub struct Claim {
    /// Its name.
    pub name: String,
    /// What identifies it, and the keys of the Vault whose data it is for.
    pub uid: String,
    /// What is noted at it.
    pub note: Note,
    /// Where that is to be, or was.
    pub place: Option<String>,
    /// Whether it goes once no server uses it any more.
    pub is_ending: bool,
    version: String,
}

/// What is noted about the keys of a Vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Nothing: they never were this program's business.
    None,
    /// They are about to come into being.
    Announced,
    /// They are in the safe place.
    Kept,
}

/// What is known of the keys of a Vault that has been initialised.
#[derive(Debug, PartialEq, Eq)]
pub enum Fate {
    /// They are kept, or were never this program's business.
    Settled,
    /// It has yet to be noted where they are, or that they are somebody else's.
    Open,
    /// Nobody has them.
    Lost,
    /// They are in this place, or nowhere.
    Elsewhere(String),
}

impl Look {
    /// The claim with the note, or else the first one.
    pub fn claim(&self) -> Option<&Claim> {
        self.claims.first()
    }

    /// The pods of the servers that cannot read what they store.
    fn sealed(&self) -> impl Iterator<Item = &str> {
        let sealed = self.servers.iter().filter(|server| matches!(server.state, State::Sealed));
        sealed.map(|server| server.pod.as_str())
    }

    /// Whether the Vault has been initialised: a server says so, or what is noted where none answers that could know.
    pub fn is_initialised(&self) -> bool {
        let says_so = |server: &Seen| matches!(server.state, State::Sealed | State::Unsealed);
        let is_silent = |server: &Seen| matches!(server.state, State::Unknown(_));
        let is_noted = self.claim().is_some_and(|claim| claim.note == Note::Kept);
        self.servers.iter().any(says_so)
            || (is_noted && (self.servers.is_empty() || self.servers.iter().any(is_silent)))
    }
}

impl VaultServers {
    /// The servers of `environment`'s Vault, unsealed as `seal` says, whose keys go to `place`.
    pub fn new(
        kubernetes: Arc<Kubernetes>,
        environment: String,
        seal: String,
        place: Arc<dyn SafePlace>,
    ) -> Self {
        Self { kubernetes, environment, seal, place, fresh: Mutex::default() }
    }

    /// Whether the servers are unsealed by shares of a key that somebody gives them.
    pub fn are_unsealed_by_shares(&self) -> bool {
        api::is_unsealed_by_shares(&self.seal)
    }

    /// Looks at all servers. One that says by its labels that it works is not asked
    /// (<https://developer.hashicorp.com/vault/docs/configuration/service-registration/kubernetes>).
    pub async fn look(&self) -> Result<Look, Error> {
        let (pods, claims) = futures::try_join!(self.list(&POD), self.claims())?;
        let mut pods: Vec<Value> = pods.into_iter().filter(is_server).collect();
        pods.sort_by_key(|pod| text(pod, "/metadata/name").to_owned());
        let authority = match pods.iter().all(says_that_it_works) {
            true => Vec::new(),
            false => self.authority().await?,
        };
        let asked = pods.iter().map(async |pod| Seen {
            pod: text(pod, "/metadata/name").to_owned(),
            uid: text(pod, "/metadata/uid").to_owned(),
            claim: data_claim(pod).map(str::to_owned),
            state: self.state(pod, &authority).await,
        });
        let servers = join_all(asked).await;
        let mounted: Vec<&str> = pods.iter().filter_map(data_claim).collect();
        let mut claims: Vec<Claim> = claims
            .into_iter()
            .filter(|claim| claim.note != Note::None || mounted.contains(&claim.name.as_str()))
            .collect();
        claims.sort_by_key(|claim| (claim.note == Note::None, claim.name.clone()));
        Ok(Look { servers, claims, authority })
    }

    async fn list(&self, kind: &Kind) -> Result<Vec<Value>, Error> {
        let selector = ListParams::default().labels(&format!("{}={}", NAME.0, NAME.1));
        self.kubernetes.list(&kind.api_resource(), Some(VAULT.namespace), selector).await
    }

    async fn claims(&self) -> Result<Vec<Claim>, Error> {
        let claims = self.list(claim_kind()?).await?;
        Ok(claims.iter().map(claim).collect())
    }

    /// The authority that the servers' certificates are signed by, as PEM; nothing while there is none.
    async fn authority(&self) -> Result<Vec<u8>, Error> {
        let secret = self.kubernetes.get(&named(kind("secret")?, CERTIFICATE)).await?.unwrap_or_default();
        Ok(STANDARD.decode(text(&secret, "/data/ca.crt")).unwrap_or_default())
    }

    async fn state(&self, pod: &Value, authority: &[u8]) -> State {
        let name = text(pod, "/metadata/name");
        if is_ending(pod) {
            return State::Unknown(Error::not_yet(format!("pod `{name}` is being removed")));
        }
        if says_that_it_works(pod) {
            return State::Unsealed;
        }
        if text(pod, "/status/phase") != "Running" {
            return State::Unknown(Error::not_yet(format!("pod `{name}` is not running")));
        }
        match self.server(name, authority).seal_status().await {
            Err(error) => State::Unknown(error),
            Ok(status) if !status.initialized => State::Uninitialised,
            Ok(status) if status.sealed => State::Sealed,
            Ok(_) => State::Unsealed,
        }
    }

    fn server(&self, pod: &str, authority: &[u8]) -> Server<'_> {
        let port = PodPort {
            namespace: VAULT.namespace.to_owned(),
            pod: pod.to_owned(),
            port: PORT,
            server_name: format!("{pod}.{SERVICE}.{}.svc", VAULT.namespace),
            authority: authority.to_owned(),
        };
        Server { tunnel: self.kubernetes.tunnel(), port }
    }

    /// What is known of the keys of the Vault that was looked at.
    pub async fn fate(&self, look: &Look) -> Result<Fate, Error> {
        let Some(claim) = look.claim().filter(|claim| claim.note == Note::Announced) else {
            return Ok(Fate::Settled);
        };
        let is_unsealed = look.servers.iter().any(|server| matches!(server.state, State::Unsealed));
        // Whoever has unsealed it by hand has its keys.
        let is_somebodys = self.are_unsealed_by_shares() && is_unsealed;
        if is_somebodys || self.fresh_keys(claim).is_some() || self.place.holds(&claim.uid).await? {
            return Ok(Fate::Open);
        }
        let elsewhere = claim.place.clone().filter(|place| *place != self.place.identity());
        Ok(elsewhere.map_or(Fate::Lost, Fate::Elsewhere))
    }

    /// Initialises the Vault by the first of its servers, unless somebody was faster, and keeps the keys. Notes at `claim` what it
    /// is about to do, so that an interruption at any moment can be told from a Vault that somebody else has initialised.
    pub async fn initialise(&self, look: &Look, claim: &Claim) -> Result<(), Error> {
        let first = look.servers.first().ok_or_else(|| Error::not_yet("Vault has no servers yet"))?;
        let server = self.server(&first.pod, &look.authority);
        let status = server.seal_status().await?;
        if status.initialized {
            return Ok(());
        }
        self.check_seal(&first.pod, &status.seal)?;
        self.place.prepare().await?;
        self.check_vacancy(claim).await?;
        let announced = self.note(claim, Note::Announced).await?;
        match server.initialise(&self.environment, &self.seal).await {
            Ok(keys) => {
                *self.fresh() = Some(Fresh { claim: claim.uid.clone(), keys, are_kept: false });
                self.keep(&announced).await
            }
            Err(error) => {
                let may_have_happened = match error.class {
                    Class::NotYet | Class::Denied => false,
                    // Vault answers alike what it does not do and what fails after it has begun.
                    Class::Refused => server.seal_status().await.map_or(true, |status| status.initialized),
                    _ => true,
                };
                if !may_have_happened && let Err(error) = self.note(&announced, Note::None).await {
                    tracing::debug!(error = error.chain(), "the note stays");
                }
                Err(error)
            }
        }
    }

    /// Keys that are kept are those of data which was there.
    async fn check_vacancy(&self, claim: &Claim) -> Result<(), Error> {
        if claim.note != Note::Kept && !self.place.holds(&claim.uid).await? {
            return Ok(());
        }
        let Claim { name, .. } = claim;
        let told =
            format!("claim `{name}` has keys that are kept, but no server has the Vault that they open");
        Err(Error::new(Class::Refused, told).with_hint(format!(
            "restore its volume; if the data is gone for good, make room for another Vault with \
             `kubectl -n {} delete pvc {name}`, and delete the pod that uses it",
            VAULT.namespace
        )))
    }

    /// A configuration that is not of our manifests can name another seal than the one which the platform provides.
    fn check_seal(&self, pod: &str, configured: &str) -> Result<(), Error> {
        if configured == self.seal {
            return Ok(());
        }
        let Self { seal, .. } = self;
        let hint = match self.are_unsealed_by_shares() {
            true => format!("take the stanza `seal \"{configured}\"` out of its configuration"),
            false => format!("give its configuration a stanza `seal \"{seal}\"`"),
        };
        let told = format!("Vault's server {pod} has a seal of the kind `{configured}`, not `{seal}`");
        Err(Error::new(Class::Refused, told)
            .with_hint(format!("{hint}, by the values of its chart, and restart it")))
    }

    /// Brings the keys of the Vault at `claim` to the safe place, unless they are there, and notes what became of them.
    pub async fn keep(&self, claim: &Claim) -> Result<(), Error> {
        let note = match self.fresh_keys(claim) {
            Some(fresh) => {
                if !fresh.are_kept {
                    self.place.keep(&claim.uid, &fresh.keys.to_text()?).await?;
                    *self.fresh() = Some(Fresh { are_kept: true, ..fresh });
                }
                Note::Kept
            }
            None if self.place.holds(&claim.uid).await? => Note::Kept,
            None => Note::None,
        };
        let noted = self.note(claim, note).await;
        noted.map(drop).map_err(|error| match note {
            Note::Kept => error.with_hint(format!(
                "the keys are safe, in {}: run it again from here, so that it is noted at the claim",
                self.place.identity()
            )),
            _ => error,
        })
    }

    /// Gives every sealed server the shares that it needs.
    pub async fn unseal(&self, look: &Look) -> Result<(), Error> {
        let claim = look.claim().ok_or_else(|| Error::not_yet("Vault's servers have no volumes yet"))?;
        let keys = match self.fresh_keys(claim) {
            Some(fresh) => fresh.keys,
            None if claim.note == Note::None => return Err(not_ours(look)),
            None => Keys::from_text(&self.place.read(&claim.uid).await?)?,
        };
        for pod in look.sealed() {
            let server = self.server(pod, &look.authority);
            for share in &keys.unseal_keys {
                if !server.unseal(share).await?.sealed {
                    break;
                }
            }
        }
        match look.servers.iter().find(|server| matches!(server.state, State::Uninitialised)) {
            Some(server) => Err(Error::not_yet(format!("{} has not joined the others yet", server.pod))),
            None => Ok(()),
        }
    }

    /// Takes the data of a Vault whose keys nobody has, so that its servers start anew. What has the note goes last: until
    /// then another run knows what it sees.
    pub async fn discard(&self, look: &Look) -> Result<(), Error> {
        for claim in look.claims.iter().rev() {
            let name = named(claim_kind()?, &claim.name);
            self.kubernetes.delete(&name, &claim.uid, PropagationPolicy::Background).await?;
            let users = look.servers.iter().filter(|server| server.claim.as_ref() == Some(&claim.name));
            for server in users {
                let name = named(&POD, &server.pod);
                self.kubernetes.delete(&name, &server.uid, PropagationPolicy::Background).await?;
            }
        }
        Ok(())
    }

    /// Notes at `claim` what is to be known of the keys, and gives the claim as it is then. What another run notes at the
    /// same time is not overwritten by less.
    async fn note(&self, claim: &Claim, note: Note) -> Result<Claim, Error> {
        let place = self.place.identity();
        let unchanged = Some(claim.version.as_str());
        let (noted, version) = match note {
            Note::None => (BTreeMap::new(), unchanged),
            Note::Announced => (BTreeMap::from([(NOTE, ANNOUNCED), (PLACE, &place)]), unchanged),
            Note::Kept => (BTreeMap::from([(NOTE, KEPT), (PLACE, &place)]), None),
        };
        let name = named(claim_kind()?, &claim.name);
        let object = self.kubernetes.annotate(&name, (&claim.uid, version), &noted).await?;
        Ok(self::claim(&object))
    }

    fn fresh(&self) -> MutexGuard<'_, Option<Fresh>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh_keys(&self, claim: &Claim) -> Option<Fresh> {
        self.fresh().as_ref().filter(|fresh| fresh.claim == claim.uid).cloned()
    }
}

fn named(kind: &'static Kind, name: &str) -> ObjectName {
    ObjectName { kind, namespace: Some(VAULT.namespace.to_owned()), name: name.to_owned() }
}

fn kind(lower: &str) -> Result<&'static Kind, Error> {
    Kind::find_lower(lower).ok_or_else(|| Error::bug(format!("`{lower}` is no kind")))
}

fn claim_kind() -> Result<&'static Kind, Error> {
    kind("persistentvolumeclaim")
}

fn claim(object: &Value) -> Claim {
    let annotation = |name: &str| object.pointer("/metadata/annotations")?.get(name)?.as_str();
    Claim {
        name: text(object, "/metadata/name").to_owned(),
        uid: text(object, "/metadata/uid").to_owned(),
        note: match annotation(NOTE) {
            Some(ANNOUNCED) => Note::Announced,
            Some(_) => Note::Kept,
            None => Note::None,
        },
        place: annotation(PLACE).map(str::to_owned),
        is_ending: is_ending(object),
        version: text(object, "/metadata/resourceVersion").to_owned(),
    }
}

fn is_ending(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some()
}

/// What is to be done about servers whose keys are somebody else's.
fn not_ours(look: &Look) -> Error {
    let sealed: Vec<&str> = look.sealed().collect();
    let told = format!("{} cannot be unsealed: somebody else has the keys", sealed.join(", "));
    let unseal = "vault operator unseal -ca-cert /vault/tls/ca.crt";
    Error::new(Class::Refused, told).with_hint(format!(
        "unseal each by hand, with shares of the key: `kubectl exec -it -n {} {} -c vault -- {unseal}`",
        VAULT.namespace,
        sealed.first().unwrap_or(&"POD")
    ))
}

fn is_server(pod: &Value) -> bool {
    COMPONENT.iter().any(|(key, value)| label(pod, key) == Some(value))
}

fn says_that_it_works(pod: &Value) -> bool {
    label(pod, "vault-initialized") == Some("true") && label(pod, "vault-sealed") == Some("false")
}

/// The claim for the volume with the data.
fn data_claim(pod: &Value) -> Option<&str> {
    let volume = items(pod, "/spec/volumes").iter().find(|volume| text(volume, "/name") == DATA)?;
    volume.pointer("/persistentVolumeClaim/claimName")?.as_str()
}
