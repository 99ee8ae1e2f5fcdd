//! Argo CD itself, under the accounts and with the settings of our manifests: what is in Git comes, changes and goes.
//!
//! Its controllers and servers are local processes; the API server is a real one, on which `up` has made the platform.
//! Git is served over HTTPS with a password, as by a hosting service.

mod applications;
mod argo_cd;
mod platform;
mod process;
mod repositories;
mod rights;
mod services;
#[path = "../cli/support.rs"]
#[allow(dead_code, reason = "the other tests use more of it")]
mod support;
