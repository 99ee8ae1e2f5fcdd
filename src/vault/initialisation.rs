//! The kind `vault.initialisation`: that Vault's servers have a key, that it is kept, and that they are unsealed
//! (<https://developer.hashicorp.com/vault/docs/concepts/seal>).
//!
//! Invariants: no key comes into being before the safe place is known to take it; a Vault is only ever made anew whose
//! keys nobody has. It lasts as long as the servers' volumes, and goes with them.

use std::collections::BTreeSet;

use holodeck_engine::{Class, Durations, Error, Explanation, FieldChange, Observed, Resource, Status};
use serde::{Deserialize, Serialize};

use super::servers::{Fate, Look, Seen, State, VaultServers};
use crate::components::VAULT;
use crate::provider::Foundation;

/// That Vault is initialised.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Initialisation {
    /// Where its keys go.
    keys_in: String,
    /// Whether they are there. Those of a Vault that somebody else has initialised are somebody else's.
    keys_kept: bool,
    /// Where else they may be. Whoever looks there may find them.
    keys_elsewhere: Option<String>,
    /// Servers that are sealed; `None` where they unseal themselves.
    sealed: Option<BTreeSet<String>>,
}

/// Nothing is born with it that others refer to: its keys are nobody's attributes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Nothing {}

impl Initialisation {
    /// As an environment with `foundation` has it.
    pub fn desired(foundation: &Foundation) -> Self {
        let by_shares = super::api::is_unsealed_by_shares(&foundation.vault.seal.kind);
        Self {
            keys_in: foundation.recovery_keys.location.clone(),
            keys_kept: true,
            keys_elsewhere: None,
            sealed: by_shares.then(BTreeSet::new),
        }
    }
}

impl Resource for Initialisation {
    const KIND: &'static str = "vault.initialisation";
    type Outputs = Nothing;
    type Client = VaultServers;

    const INSEPARABLE: bool = true;

    fn durations(&self) -> Durations {
        Durations::seconds(15, 5, 30, 900)
    }

    fn project(&self, actual: Self) -> Self {
        let sealed = self.sealed.as_ref().and(actual.sealed);
        Self { keys_in: self.keys_in.clone(), keys_elsewhere: None, sealed, ..actual }
    }

    /// Only a Vault is replaced that nobody can open.
    fn is_disposable(&self) -> bool {
        self.keys_elsewhere.is_none()
    }

    async fn list(client: &VaultServers) -> Result<Vec<Observed<Self>>, Error> {
        let look = client.look().await?;
        if !look.is_initialised() {
            return Ok(Vec::new());
        }
        let fate = client.fate(&look).await?;
        let sealed = look.servers.iter().filter(|server| is_sealed(server));
        let sealed = sealed.map(|server| server.pod.clone()).collect();
        let (keys_kept, keys_elsewhere, status) = match fate {
            Fate::Settled => (true, None, status(client, &look)),
            Fate::Open => (false, None, status(client, &look)),
            Fate::Lost => {
                let why = "its keys were lost before they were kept: nobody can open it";
                (false, None, Status::Failed(why.to_owned()))
            }
            Fate::Elsewhere(place) => {
                let why = format!("its keys are in {place}, or nowhere: run `up` there");
                (false, Some(place), Status::Failed(why))
            }
        };
        let attributes = Self { keys_in: String::new(), keys_kept, keys_elsewhere, sealed: Some(sealed) };
        let id = id(&look);
        let name = VAULT.name.to_owned();
        Ok(vec![Observed { name, id, attributes, outputs: Nothing {}, status, uses: Vec::new() }])
    }

    async fn explain(_: &VaultServers, seen: &Observed<Self>) -> Explanation {
        let look = format!(
            "look at the servers with `kubectl logs -n {} -l app.kubernetes.io/name=vault`",
            VAULT.namespace
        );
        Explanation { why: seen.status.why().to_owned(), hint: Some(look) }
    }

    async fn create(&self, client: &VaultServers, _: &str) -> Result<Option<Observed<Self>>, Error> {
        let mut look = client.look().await?;
        if look.is_initialised() {
            return Ok(None);
        }
        let is_silent = |server: &Seen| matches!(server.state, State::Unknown(_));
        if let Some(at) = look.servers.iter().position(is_silent)
            && let State::Unknown(why) = look.servers.swap_remove(at).state
        {
            return Err(why);
        }
        let claim = look.claim().ok_or_else(|| {
            Error::new(Class::Refused, "Vault's servers have no volume for their data, which would not last")
                .with_hint("give them a volume claim template named `data`")
        })?;
        if claim.is_ending {
            return Err(Error::not_yet(format!("claim `{}` is being removed", claim.name)));
        }
        client.initialise(&look, claim).await?;
        Ok(None)
    }

    async fn update(
        &self,
        client: &VaultServers,
        _: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        let look = client.look().await?;
        let differs = |field| changes.iter().any(|change| change.is_within(field));
        if let Some(claim) = look.claim().filter(|_| differs("keys_kept")) {
            client.keep(claim).await?;
        }
        if differs("sealed") {
            client.unseal(&look).await?;
        }
        Ok(None)
    }

    async fn delete(client: &VaultServers, seen: &Observed<Self>) -> Result<(), Error> {
        let look = client.look().await?;
        if !look.is_initialised() || id(&look) != seen.id {
            return Ok(());
        }
        match client.fate(&look).await? {
            Fate::Lost | Fate::Elsewhere(_) => client.discard(&look).await,
            Fate::Settled | Fate::Open => {
                let told = "the keys of Vault have turned up since it was looked at";
                Err(Error::new(Class::Refused, told).with_hint("run `plan` again"))
            }
        }
    }
}

/// What identifies the Vault: what its data is on.
fn id(look: &Look) -> String {
    look.claim().map_or_else(|| VAULT.name.to_owned(), |claim| format!("{}/{}", VAULT.name, claim.uid))
}

/// A server that still has to join the others is as good as sealed.
fn is_sealed(server: &Seen) -> bool {
    matches!(server.state, State::Sealed | State::Uninitialised)
}

/// What is awaited of the servers, other than shares of their key.
fn status(client: &VaultServers, look: &Look) -> Status {
    if look.servers.is_empty() {
        return Status::InProgress("no server is there".to_owned());
    }
    let awaited = look.servers.iter().find_map(|server| {
        let why = match &server.state {
            State::Unsealed => return None,
            State::Unknown(why) => why.chain(),
            State::Sealed | State::Uninitialised if client.are_unsealed_by_shares() => return None,
            State::Sealed => "it is sealed, and unseals itself once it reaches its key service".to_owned(),
            State::Uninitialised => "it has not joined the others yet".to_owned(),
        };
        Some(format!("server {}: {why}", server.pod))
    });
    awaited.map_or(Status::Ready, Status::InProgress)
}
