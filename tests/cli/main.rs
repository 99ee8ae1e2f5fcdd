//! The command as a user runs it, on the simulated cloud.

mod edits;
mod faults;
#[cfg(unix)]
mod interruption;
mod lifecycle;
mod output;
mod refusals;
mod support;
mod vault;
