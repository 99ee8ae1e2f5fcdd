//! The library behind the `holodeck-bootstrap` command: from an environment file to a running base platform.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod aws;
pub mod components;
pub mod desired;
pub mod environment;
pub mod kubernetes;
pub mod provider;
pub mod secret;
