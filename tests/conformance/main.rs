//! The laws that every resource kind keeps, checked through the engine in a simulated world: one file a kind, which gives a
//! resource, what it needs, and edits of its fields with what each must amount to.

mod account;
mod laws;

mod bucket;
mod cluster;
mod cluster_access;
mod database;
mod dns;
mod eks_addon;
mod environment;
mod iam_role;
mod kms;
mod load_balancing;
mod log_group;
mod model;
mod name_server;
mod network;
mod node_group;
mod secret;
mod target_group_attachment;
