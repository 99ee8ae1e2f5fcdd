//! Versions of database engines: which one fulfils another, and which is older.

/// Whether `actual` is `desired`, or a minor version of it.
pub(super) fn fulfils(actual: &str, desired: &str) -> bool {
    actual.strip_prefix(desired).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether `one` is older than `other`, as far as both are told.
pub(super) fn is_older(one: &str, other: &str) -> bool {
    let numbers =
        |version: &str| version.split('.').map_while(|part| part.parse().ok()).collect::<Vec<u32>>();
    let (one, other) = (numbers(one), numbers(other));
    let told = one.len().min(other.len());
    one[..told] < other[..told]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_major_version_is_fulfilled_by_its_minor_ones() {
        for (actual, desired, expected) in
            [("17.4", "17", true), ("17.4", "17.4", true), ("17.4", "1", false), ("16.9", "17", false)]
        {
            assert_eq!(fulfils(actual, desired), expected, "{actual} {desired}");
        }
    }

    #[test]
    fn versions_are_compared_by_number() {
        for (one, other, expected) in [
            ("9.6", "10.1", true),
            ("17", "17.4", false),
            ("17.10", "17.9", false),
            ("8.0.36", "8.4.3", true),
        ] {
            assert_eq!(is_older(one, other), expected, "{one} {other}");
        }
    }
}
