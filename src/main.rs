//! The `holodeck-bootstrap` command: all of it lives in the library.
#![forbid(unsafe_code)]

fn main() {}
