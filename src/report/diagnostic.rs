//! Errors for people: what was tried, what the answer was, what to do. On standard error.

use holodeck_engine::{Address, Error};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use crate::report::style::{BAD, paint};

/// Prints a diagnostic with the places in files that it points to.
pub fn print(diagnostic: &dyn Diagnostic) {
    let colour = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let mut text = String::new();
    match GraphicalReportHandler::new_themed(theme).render_report(&mut text, diagnostic) {
        Ok(()) => anstream::eprintln!("{text}"),
        Err(_) => anstream::eprintln!("{diagnostic}"),
    }
}

/// Prints an error and what to do about it.
pub fn print_error(error: &Error) {
    print_text(&error.chain(), error.hint());
}

/// Prints a message and what to do about it.
pub fn print_text(message: &str, hint: Option<&str>) {
    print_line("error:", message, hint);
}

/// Prints why a resource could not be changed, and what to do about it.
pub fn print_failed(address: &Address, error: &Error) {
    print_line(&format!("✗ {address}"), &error.chain(), error.hint());
}

fn print_line(what: &str, message: &str, hint: Option<&str>) {
    anstream::eprintln!("{} {message}", paint(BAD, what));
    if let Some(hint) = hint {
        anstream::eprintln!("  {hint}");
    }
}
