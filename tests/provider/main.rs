//! What every provider must do, as a user sees it: one set of laws, and the places that are held to them.

#[cfg(feature = "servers")]
mod api_server;
mod aws_in_sandbox;
#[cfg(feature = "servers")]
mod chart_repository;
#[cfg(feature = "servers")]
mod charts;
mod kubeconfig_in_sandbox;
#[cfg(feature = "servers")]
mod kubeconfig_on_server;
mod laws;
mod name_server_in_sandbox;
mod sandbox;
#[path = "../cli/support.rs"]
#[allow(dead_code, reason = "the other tests use more of it")]
mod support;
