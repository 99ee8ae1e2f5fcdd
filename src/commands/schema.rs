//! `schema`: the JSON Schema of environment files.

use super::{Ending, Failure};
use crate::environment;

/// Runs the command.
pub fn run() -> Result<Ending, Failure> {
    anstream::println!("{:#}", environment::schema());
    Ok(Ending::Fine)
}
