//! The kind `kubernetes` through the engine, on the simulated API server.

mod bystanders;
mod cluster;
mod components;
mod drift;
mod ownership;
mod secrets;
mod workloads;
