//! Tests of the in-process Kubernetes API through `kube::Client`, by capability.

mod ownership;
mod readiness;
mod reading;
mod refusals;
mod removal;
mod vault;
mod world;
