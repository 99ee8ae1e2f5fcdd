//! The engine's behaviour, seen from outside, over a cloud in memory and a virtual clock.

#![allow(clippy::disallowed_methods, reason = "tests wait by a paused clock")]

mod apply;
mod convergence;
mod inseparable;
mod plan;
mod support;
