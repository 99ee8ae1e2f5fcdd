//! Domain names as Route 53 keeps them: lower case, a trailing dot, unusual characters as three octal digits.
//!
//! Route 53 Developer Guide, "DNS domain name format": all but `a-z 0-9 - _ .` reads back as `\NNN`, the wildcard `*` thus as
//! `\052`. Lists are ordered by the labels from the right.

/// The kept form of a name, or nothing if it is no domain name.
pub(super) fn normal(given: &str) -> Option<String> {
    let mut name = String::new();
    let mut rest = given.trim_end_matches('.');
    while let Some(c) = rest.chars().next() {
        let escape = rest.get(1..4).filter(|digits| c == '\\' && digits.chars().all(|d| d.is_digit(8)));
        match escape.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                push(&mut name, byte);
                rest = &rest[4..];
            }
            None => {
                let mut bytes = [0; 4];
                c.encode_utf8(&mut bytes).bytes().for_each(|byte| push(&mut name, byte));
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    let labels_fit =
        name.split('.').all(|label| !label.is_empty() && label.replace("\\052", "*").len() <= 63);
    (labels_fit && name.len() <= 255).then(|| name + ".")
}

fn push(name: &mut String, byte: u8) {
    let lower = byte.to_ascii_lowercase();
    if lower.is_ascii_alphanumeric() || b"-_.".contains(&lower) {
        name.push(char::from(lower));
    } else {
        name.push_str(&format!("\\{byte:03o}"));
    }
}

/// What names are ordered by: their labels from the right.
pub(super) fn order(name: &str) -> Vec<String> {
    name.trim_end_matches('.').rsplit('.').map(str::to_owned).collect()
}

/// Whether `name` is `zone` or lies below it; both in the kept form.
pub(super) fn is_within(name: &str, zone: &str) -> bool {
    name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_in_one_form() {
        for (given, kept) in [
            ("Example.COM", Some("example.com.")),
            ("example.com.", Some("example.com.")),
            ("*.example.com", Some("\\052.example.com.")),
            ("\\052.example.com", Some("\\052.example.com.")),
            ("_acme-challenge.a.example", Some("_acme-challenge.a.example.")),
            ("a b.example", Some("a\\040b.example.")),
            ("a..example", None),
            ("", None),
        ] {
            assert_eq!(normal(given).as_deref(), kept, "{given}");
        }
    }

    #[test]
    fn names_are_ordered_from_the_right() {
        let mut names = ["b.example.", "a.z.example.", "example.", "a.b.example."];
        names.sort_by_key(|name| order(name));
        assert_eq!(names, ["example.", "b.example.", "a.b.example.", "a.z.example."]);
    }

    #[test]
    fn a_name_that_only_ends_alike_is_not_within_the_zone() {
        assert!(is_within("a.example.", "example."));
        assert!(is_within("example.", "example."));
        assert!(!is_within("anexample.", "example."));
    }
}
