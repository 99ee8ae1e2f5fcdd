//! The engine's behaviour, seen from outside, over a cloud in memory and a virtual clock.

mod apply;
mod convergence;
mod plan;
mod support;
