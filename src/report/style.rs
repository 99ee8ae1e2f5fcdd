//! How each kind of change and text looks; without colour the signs alone tell it.

use anstyle::{AnsiColor, Style};
use holodeck_engine::{Action, Operation};

/// Headings.
pub const HEADING: Style = Style::new().bold();
/// What is of less interest.
pub const DIM: Style = Style::new().dimmed();
/// What is added, or well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What is changed, or awaited.
pub const CHANGE: Style = AnsiColor::Yellow.on_default();
/// What is removed, or wrong.
pub const BAD: Style = AnsiColor::Red.on_default();
/// What is replaced.
pub const REPLACE: Style = AnsiColor::Magenta.on_default();

/// `text` in `style`.
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// The sign and style of an action.
pub fn action(action: Action) -> (&'static str, Style) {
    match action {
        Action::Create => ("+", GOOD),
        Action::Update => ("~", CHANGE),
        Action::Replace => ("±", REPLACE),
        Action::Delete => ("-", BAD),
        Action::Unchanged => (" ", DIM),
    }
}

/// The sign, the style, and the words for an operation under way and done.
pub fn operation(operation: Operation) -> (&'static str, Style, &'static str, &'static str) {
    match operation {
        Operation::Create => ("+", GOOD, "creating", "created"),
        Operation::Update => ("~", CHANGE, "updating", "updated"),
        Operation::Delete => ("-", BAD, "removing", "removed"),
        Operation::Await => ("·", DIM, "awaiting", "ready"),
    }
}
