//! The library behind the `holodeck-bootstrap` command: from an environment file to a running base platform.
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests wait by a paused clock"))]

pub mod authorities;
pub mod aws;
pub mod charts;
pub mod cli;
pub mod commands;
pub mod components;
pub mod desired;
pub mod environment;
pub mod kubeconfig;
pub mod kubernetes;
pub mod logging;
pub mod name_server;
pub mod provider;
pub mod providers;
pub mod readable;
pub mod report;
pub mod safe_place;
pub mod secret;
pub mod simulation;
mod vault;
pub mod yaml;
