//! The provider for clusters that exist already: on premises, in another cloud, or on this machine. A kubeconfig gives
//! access, and the environment file says what surrounds the cluster.

mod access;
mod dns;
mod facts;
mod foundation;
mod metallb;
mod provider;
mod safe_place;
pub mod settings;

pub use provider::KubeconfigProvider;
