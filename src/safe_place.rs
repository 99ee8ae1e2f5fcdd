//! What keeps secrets that must outlive the cluster.
//!
//! Invariant: nothing that was kept is ever overwritten or removed.

use async_trait::async_trait;
use holodeck_engine::Error;
use secrecy::SecretString;

/// A store of secrets, each under an identifier that no other has.
#[async_trait]
pub trait SafePlace: Send + Sync {
    /// What tells this place from every other, on whatever machine it is, for people too.
    fn identity(&self) -> String;

    /// Makes sure, by writing, that something can be kept here, before there is a secret that could get lost.
    async fn prepare(&self) -> Result<(), Error>;

    /// Keeps `secret` under `id`, for good once this returns.
    async fn keep(&self, id: &str, secret: &SecretString) -> Result<(), Error>;

    /// Whether something is kept here under `id`.
    async fn holds(&self, id: &str) -> Result<bool, Error>;

    /// What is kept under `id`. Refuses where this machine may not read it.
    async fn read(&self, id: &str) -> Result<SecretString, Error>;
}
