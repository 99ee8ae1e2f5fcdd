//! The provider-neutral core: a graph of resources, what exists of them, the plan between the two, and its execution.
//!
//! Data flows one way: a [`Graph`] of desired resources, a [`Snapshot`] of what exists, the [`Plan`] between them, and
//! [`apply`](apply::apply), which carries the plan out and tells what it does as [`Event`]s. Only [`observe`],
//! [`bystanders`], [`explanations`] and [`apply`] do I/O, through the [`Resource`]s that a provider brings. This crate names no cloud, no Kubernetes and no
//! command line; nothing is remembered between runs.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests wait by a paused clock"))]

pub mod address;
pub mod apply;
pub mod bystanders;
pub mod clock;
pub mod diff;
pub mod error;
pub mod event;
pub mod explanations;
pub mod graph;
pub mod input;
pub(crate) mod kind;
pub mod observe;
pub mod plan;
pub mod resource;
pub mod schedule;
pub mod wait;

pub use address::Address;
pub use apply::{Outcome, Settings};
pub use clock::Clock;
pub use diff::{After, FieldChange};
pub use error::{Class, Error};
pub use event::{Event, Operation};
pub use graph::{Graph, Handle, Host, Milestone};
pub use input::{Input, Output, Reference};
pub use observe::Snapshot;
pub use plan::{Action, Change, Plan, Policy};
pub use resource::{Durations, Explanation, Observed, Order, Resource, Status, Verdict};
