//! The simulated cloud: a world without a network, for rehearsal and tests.

pub mod kubernetes;
