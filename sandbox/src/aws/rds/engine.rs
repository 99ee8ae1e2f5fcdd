//! The database engines and versions on offer, and DescribeDBEngineVersions.

use std::cmp::Reverse;

use aws_sdk_rds::operation::describe_db_engine_versions::{
    DescribeDbEngineVersionsInput, DescribeDbEngineVersionsOutput,
};
use aws_sdk_rds::types;

use super::super::{Answer, Services, World};
use super::error;

/// One engine.
pub(super) struct Engine {
    pub(super) name: &'static str,
    description: &'static str,
    pub(super) port: i32,
    pub(super) license: &'static str,
    /// Oldest first; the newest of a major version is that version's default.
    versions: &'static [&'static str],
    /// The default where no version is named.
    default: &'static str,
    /// How many numbers of a version make its major version.
    major_numbers: usize,
}

const ENGINES: [Engine; 3] = [
    Engine {
        name: "postgres",
        description: "PostgreSQL",
        port: 5432,
        license: "postgresql-license",
        versions: &[
            "14.20", "14.22", "15.15", "15.17", "16.11", "16.13", "17.6", "17.7", "17.9", "18.1", "18.3",
        ],
        default: "17.9",
        major_numbers: 1,
    },
    Engine {
        name: "mysql",
        description: "MySQL Community Edition",
        port: 3306,
        license: "general-public-license",
        versions: &["8.0.43", "8.0.44", "8.4.6", "8.4.7"],
        default: "8.4.7",
        major_numbers: 2,
    },
    Engine {
        name: "mariadb",
        description: "MariaDB Community Edition",
        port: 3306,
        license: "general-public-license",
        versions: &["10.11.14", "10.11.15", "11.4.8", "11.4.9", "11.8.3", "11.8.5"],
        default: "11.8.5",
        major_numbers: 2,
    },
];

/// The engine of that name.
pub(super) fn find(name: &str) -> Answer<&'static Engine> {
    let found = ENGINES.iter().find(|engine| engine.name == name);
    found.ok_or_else(|| super::invalid_value(format!("Invalid DB engine: {name}")))
}

impl Engine {
    /// The full version that a wanted one stands for: the default, the newest of a major version, or itself.
    pub(super) fn resolve(&self, wanted: Option<&str>) -> Answer<&'static str> {
        let Some(wanted) = wanted else { return Ok(self.default) };
        let exact = self.versions.iter().find(|version| **version == wanted);
        let of_major = self.versions.iter().rev().find(|version| self.major(version) == wanted);
        let missing = || {
            error("InvalidParameterCombination", format!("Cannot find version {wanted} for {}", self.name))
        };
        exact.or(of_major).copied().ok_or_else(missing)
    }

    /// The major version of a full one: `17` of `17.9`, `8.4` of `8.4.7`.
    pub(super) fn major<'a>(&self, version: &'a str) -> &'a str {
        let end =
            version.match_indices('.').nth(self.major_numbers - 1).map_or(version.len(), |(place, _)| place);
        &version[..end]
    }

    /// Name of the default parameter group of a version.
    pub(super) fn parameter_group(&self, version: &str) -> String {
        format!("default.{}{}", self.name, self.major(version))
    }

    /// Whether an instance can go from one version to the other.
    pub(super) fn can_upgrade(&self, from: &str, to: &str) -> bool {
        numbers(to) > numbers(from)
    }
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').filter_map(|number| number.parse().ok()).collect()
}

pub(super) fn register(services: &mut Services) {
    services.on(describe);
}

fn describe(_: &mut World, input: &DescribeDbEngineVersionsInput) -> Answer<DescribeDbEngineVersionsOutput> {
    let default_only = input.default_only().unwrap_or_default();
    let mut versions = Vec::new();
    for engine in ENGINES.iter().filter(|engine| input.engine().is_none_or(|name| name == engine.name)) {
        let named = |version: &&&str| {
            let wanted = input.engine_version();
            wanted.is_none_or(|wanted| **version == wanted || engine.major(version) == wanted)
        };
        let in_family = |version: &&&str| {
            let family = format!("{}{}", engine.name, engine.major(version));
            input.db_parameter_group_family().is_none_or(|wanted| wanted == family)
        };
        let mut found: Vec<&str> = engine.versions.iter().filter(named).filter(in_family).copied().collect();
        if default_only {
            found.sort_by_key(|version| (**version != *engine.default, Reverse(numbers(version))));
            found.truncate(1);
        }
        versions.extend(found.into_iter().map(|version| view(engine, version)));
    }
    let (versions, marker) = super::page(versions, input.marker(), input.max_records())?;
    Ok(DescribeDbEngineVersionsOutput::builder()
        .set_db_engine_versions(Some(versions))
        .set_marker(marker)
        .build())
}

fn view(engine: &Engine, version: &str) -> types::DbEngineVersion {
    let targets = engine.versions.iter().filter(|target| engine.can_upgrade(version, target)).map(|target| {
        types::UpgradeTarget::builder()
            .engine(engine.name)
            .engine_version(*target)
            .description(format!("{} {target}", engine.description))
            .auto_upgrade(false)
            .is_major_version_upgrade(engine.major(target) != engine.major(version))
            .build()
    });
    types::DbEngineVersion::builder()
        .engine(engine.name)
        .engine_version(version)
        .major_engine_version(engine.major(version))
        .db_parameter_group_family(format!("{}{}", engine.name, engine.major(version)))
        .db_engine_description(engine.description)
        .db_engine_version_description(format!("{} {version}", engine.description))
        .set_valid_upgrade_target(Some(targets.collect()))
        .status("available")
        .build()
}
