//! The controllers themselves, under the accounts and with the settings of our manifests, as local processes on a real API
//! server: cert-manager issues the platform's certificates, Argo CD deploys what is in Git.

#[path = "../provider/api_server.rs"]
mod api_server;
mod argo_cd;
mod cert_manager;
mod process;
#[path = "../cli/support.rs"]
#[allow(dead_code, reason = "the other tests use more of it")]
mod support;
