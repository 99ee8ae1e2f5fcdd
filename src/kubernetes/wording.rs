//! How findings are put into words: one line, and the commands to go on with.

use std::fmt::Display;

/// The most characters of a message of others: a refusal by the Pod Security standards, which names every field, fits.
const LONGEST: usize = 600;

/// A `kubectl` command; an empty namespace stands for the whole cluster.
pub(super) fn kubectl(namespace: &str, arguments: impl Display) -> String {
    match namespace {
        "" => format!("kubectl {arguments}"),
        namespace => format!("kubectl -n {namespace} {arguments}"),
    }
}

/// What others wrote, in one line of bounded length. Control characters and the sequences by which terminals are
/// controlled are left out, for anybody may have written it.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            // A control sequence lasts up to its first letter: <https://en.wikipedia.org/wiki/ANSI_escape_code>.
            '\u{1b}' => _ = characters.by_ref().find(char::is_ascii_alphabetic),
            _ if character.is_control() || character.is_whitespace() => out.push(' '),
            _ => out.push(character),
        }
    }
    let out: Vec<&str> = out.split_whitespace().collect();
    shortened(&out.join(" "), LONGEST)
}

/// A text without what goes beyond `most` characters.
pub(super) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A reason and its message, of which one may be empty.
pub(super) fn reason_and_message(reason: &str, message: &str) -> String {
    match (reason, plain(message)) {
        (reason, message) if message.is_empty() => reason.to_owned(),
        ("", message) => message,
        (reason, message) => format!("{reason}: {message}"),
    }
}
