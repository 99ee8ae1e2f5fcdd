//! Values as YAML that every reader of Kubernetes' files understands alike.
//!
//! kubectl and the like read by YAML 1.1, where `on`, `y` and `012` are no texts (<https://yaml.org/type/bool.html>); so
//! what looks like one of these is written in quotes, which a writer of YAML 1.2 does not do.

use serde::Serialize;

/// Why a value could not be written.
pub type Error = serde_saphyr::ser::Error;

/// The value as a YAML document.
pub fn to_string(value: &impl Serialize) -> Result<String, Error> {
    serde_saphyr::to_string(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_older_readers_take_for_something_else_are_quoted() {
        for text in
            ["on", "off", "yes", "no", "y", "n", "012", "1_000", "1e3", "0x1F", "12:30:45", "true", "~", ""]
        {
            let written = to_string(&text).unwrap();
            assert!(written.contains('"') || written.contains('\''), "{text:?} is written as {written}");
            assert_eq!(serde_norway::from_str::<String>(&written).unwrap(), text);
        }
        assert_eq!(to_string(&"nginx").unwrap().trim_end(), "nginx");
    }
}
