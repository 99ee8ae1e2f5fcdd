//! What people and programs read: plans, progress, time lines, errors. The one place that prints.

pub mod diagnostic;
pub mod duration;
pub mod plan_document;
pub mod plan_view;
pub mod progress;
pub mod records;
pub mod style;
pub mod timeline;

/// Ends the process at once, as a second interruption asks: what runs is abandoned, and the next run finds it.
#[expect(clippy::disallowed_methods, reason = "waiting for what runs is just what is not wanted")]
pub fn exit_at_once() -> ! {
    std::process::exit(130)
}

/// Ends the process as a kill would, when a fault in the sandbox asks for it.
#[expect(clippy::disallowed_methods, reason = "a killed process writes nothing either")]
pub fn stop_as_killed() -> ! {
    std::process::exit(137)
}
