//! What a real API server says of what we give it, and what of it is told while something is awaited.

mod definitions;
mod manifests;
mod rights;
mod support;
mod waiting;
