//! `validate`: checks environment files.

use super::{Ending, Failure};
use crate::cli::Global;
use crate::environment;
use crate::report::diagnostic;
use crate::report::style::{BAD, GOOD, paint};

/// Runs the command.
pub fn run(global: &Global, name: Option<&str>) -> Result<Ending, Failure> {
    let checked = match name {
        Some(name) => vec![(name.to_owned(), environment::load(&global.environments, name))],
        None => environment::load_all(&global.environments),
    };
    let mut ending = Ending::Fine;
    for (name, result) in checked {
        match result {
            Ok(_) if global.quiet => {}
            Ok(_) => anstream::println!("{} {name}", paint(GOOD, "✓")),
            Err(invalid) => {
                ending = Ending::Failed;
                anstream::eprintln!("{} {name}", paint(BAD, "✗"));
                diagnostic::print(&invalid);
            }
        }
    }
    Ok(ending)
}
