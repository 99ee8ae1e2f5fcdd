//! Explanations of live objects, out of a handful of objects beside them.

mod chains;
mod pods;
mod workloads;
mod world;
