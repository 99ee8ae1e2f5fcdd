//! A real Kubernetes control plane for tests: etcd, the API server, controllers, scheduler and nodes that are played.
//!
//! [`ControlPlane::start`] starts the servers on loopback, with certificates and RBAC as on a real one, and returns when
//! they are ready. [`program`] finds what users have beside the command. [`Gate`] stands in front of the API server,
//! records requests and makes them go wrong. [`stand_in`] plays what cannot run on nodes that are played, and a [`Forward`]
//! leads to what a test runs in its place. A [`Keeper`] keeps further programs that a test runs against it, with
//! [`until`] to wait for what they do.
//!
//! Invariant: whatever becomes of the process that started a control plane, its servers and its folder vanish with it.

mod assets;
mod background;
pub mod certificates;
mod cluster;
mod control_plane;
mod credentials;
mod error;
mod file_server;
mod gate;
mod keeper;
mod kubeconfig;
mod ledger;
mod port;
mod port_forward;
mod servers;
pub mod stand_in;
mod wait;

pub use assets::program;
pub use control_plane::{ControlPlane, Extent, Options};
pub use error::StartError;
pub use file_server::FileServer;
pub use gate::Gate;
pub use keeper::Keeper;
pub use ledger::{Fault, Request, What};
pub use port::ReservedPort;
pub use port_forward::Forward;
pub use servers::Server;
pub use wait::until;
