//! The kind `kubernetes` through the engine, on the simulated API server.

mod cluster;
mod components;
mod drift;
mod ownership;
mod secrets;
mod workloads;
