//! `[provider.databases.NAME]`: a database of RDS, outside Kubernetes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aws::owner::Owner;
use crate::environment::{Finding, Findings, KeyPath};

/// Most characters in the identifier of a database instance
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html>).
const IDENTIFIER: usize = 63;

/// A database outside Kubernetes. Its password is made and rotated by AWS and kept in Secrets Manager.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Database engine.
    pub engine: Engine,

    /// Version of the engine, in quotes: a major version, or one in full.
    #[schemars(length(min = 1), example = "17")]
    pub version: String,

    /// RDS instance class.
    #[schemars(length(min = 1), example = "db.t4g.medium")]
    pub class: String,

    /// Storage in GiB.
    #[schemars(range(min = 20, max = 65536), example = 20)]
    pub storage_gib: u32,

    /// Storage in GiB up to which it grows by itself. Without it: it does not grow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 20, max = 65536))]
    pub max_storage_gib: Option<u32>,

    /// Whether a standby in another zone takes over on failure.
    #[serde(default = "yes")]
    pub multi_az: bool,

    /// Days that automatic backups are kept, 0 for none.
    #[serde(default = "Database::default_backup_days")]
    #[schemars(range(min = 0, max = 35))]
    pub backup_days: u32,

    /// Whether AWS refuses to delete it until this is set to false.
    #[serde(default = "yes")]
    pub deletion_protection: bool,

    /// TCP port. Without it: the engine's usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1150, max = 65535))]
    pub port: Option<u16>,
}

fn yes() -> bool {
    true
}

impl Database {
    fn default_backup_days() -> u32 {
        14
    }

    /// The TCP port in use.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or_else(|| self.engine.default_port())
    }
}

/// A database engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// PostgreSQL.
    Postgres,
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
}

impl Engine {
    /// The name that the RDS API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
        }
    }

    /// The engine's usual TCP port.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::Mysql | Self::Mariadb => 3306,
        }
    }
}

/// Applies the rules for the database `name`, where the provider's table stands at `at`.
pub(super) fn check(database: &Database, name: &str, owner: &Owner, at: &KeyPath, findings: &mut Findings) {
    let path = at.key("databases").key(name);
    identifier_is_allowed(name, owner, &path, findings);
    if !database.class.starts_with("db.")
        || database.class.split('.').filter(|part| !part.is_empty()).count() < 3
    {
        findings.add(Finding::new(
            path.key("class"),
            format!("`{}` is no RDS instance class", database.class),
            "write `db.`, family and size, such as `db.t4g.medium`",
        ));
    }
    let number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    if !database.version.split('.').all(number) {
        findings.add(Finding::new(
            path.key("version"),
            format!("`{}` is no version of {}", database.version, database.engine.as_str()),
            "write a major version, or one in full, in digits and dots",
        ));
    }
    if let Some(max) = database.max_storage_gib.filter(|max| *max <= database.storage_gib) {
        findings.add(
            Finding::new(
                path.key("max_storage_gib"),
                format!("storage cannot grow from {} GiB up to {max} GiB", database.storage_gib),
                "write more than `storage_gib`, or leave `max_storage_gib` out for storage that does not grow",
            )
            .because(path.key("storage_gib"), "the storage to begin with"),
        );
    }
}

fn identifier_is_allowed(name: &str, owner: &Owner, path: &KeyPath, findings: &mut Findings) {
    let identifier = owner.prefixed(name);
    let environment = KeyPath::default().key("name");
    if identifier.len() > IDENTIFIER {
        let message = format!("the database's full name `{identifier}` has {} characters", identifier.len());
        let help = format!("RDS allows {IDENTIFIER}: shorten the database's name");
        findings
            .add(Finding::new(path.clone(), message, help).because(environment, "the environment's name"));
    } else if identifier.contains("--") {
        let message = format!("the database's full name `{identifier}` has two hyphens in a row");
        let help = "RDS does not allow that: rename the database, or the environment";
        findings
            .add(Finding::new(path.clone(), message, help).because(environment, "the environment's name"));
    }
}
