//! The sandbox: a simulated AWS behind the real SDK clients, and a Kubernetes API, Vault and a name server behind the real
//! clients.
//!
//! Everything that talks to a cloud runs here unchanged; only what lies behind the clients is swapped. The world is kept
//! between runs, time passes by a virtual clock, and requests go wrong on demand.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests wait by a paused clock"))]

pub mod aws;
pub mod clock;
pub mod fault;
pub mod kubernetes;
pub mod name_server;
mod sandbox;
pub mod store;
pub mod vault;

pub use aws::{Options, SimulatedAws, SimulatedNameServer};
pub use clock::Clock;
pub use kubernetes::SimulatedPods;
pub use sandbox::Sandbox;
