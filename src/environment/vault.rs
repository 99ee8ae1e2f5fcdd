//! `[vault]`: size and backups of the secret store.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The secret store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Vault {
    /// Number of Vault servers: 1, 3 or 5. They elect a leader by majority, so an even number adds cost, not
    /// safety.
    #[schemars(range(min = 1, max = 5))]
    pub replicas: u32,

    /// Snapshots in the environment's backup store.
    pub backup: VaultBackup,
}

impl Default for Vault {
    fn default() -> Self {
        Self { replicas: 3, backup: VaultBackup::default() }
    }
}

/// Snapshots of Vault in the environment's backup store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VaultBackup {
    /// When snapshots are taken: a cron expression of five fields (minute, hour, day of month, month, day of
    /// week) in UTC, or `@hourly`, `@daily`, `@weekly`, `@monthly`.
    #[schemars(extend("format" = "cron"))]
    pub schedule: String,

    /// Number of snapshots that are kept.
    #[schemars(range(min = 1, max = 1000))]
    pub keep: u32,
}

impl Default for VaultBackup {
    fn default() -> Self {
        Self { schedule: "0 */6 * * *".to_owned(), keep: 28 }
    }
}
