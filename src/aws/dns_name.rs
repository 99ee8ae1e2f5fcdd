//! Domain names in the two spellings: ours, and that of Route 53, which ends in a dot and writes all but letters, digits, `-`,
//! `_` and `.` as three octal digits
//! (<https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html>).

/// A name of Route 53 as we spell it: `*.example` for `\052.example.`.
pub fn readable(name: &str) -> String {
    let mut readable = String::new();
    let mut rest = name.strip_suffix('.').unwrap_or(name);
    while let Some(at) = rest.find('\\') {
        readable.push_str(&rest[..at]);
        let byte = rest.get(at + 1..at + 4).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match byte {
            Some(byte) => {
                readable.push(char::from(byte));
                rest = &rest[at + 4..];
            }
            None => {
                readable.push('\\');
                rest = &rest[at + 1..];
            }
        }
    }
    readable + rest
}

/// Whether two spellings mean the same name.
pub fn is_same(one: &str, other: &str) -> bool {
    readable(one).eq_ignore_ascii_case(&readable(other))
}

/// Whether `name` lies below `zone`, both in any spelling.
pub fn is_below(name: &str, zone: &str) -> bool {
    let (name, zone) = (readable(name).to_ascii_lowercase(), readable(zone).to_ascii_lowercase());
    name.strip_suffix(&zone).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_route_53_read_as_people_write_them() {
        for (kept, ours) in [
            ("\\052.holodeck.example.", "*.holodeck.example"),
            ("holodeck.example", "holodeck.example"),
            ("a\\040b.example.", "a b.example"),
            ("odd\\", "odd\\"),
        ] {
            assert_eq!(readable(kept), ours);
        }
        assert!(is_same("\\052.Holodeck.example.", "*.holodeck.example"));
    }

    #[test]
    fn only_what_ends_in_a_whole_label_lies_below() {
        assert!(is_below("a.holodeck.example.", "holodeck.example"));
        assert!(!is_below("holodeck.example", "holodeck.example."));
        assert!(!is_below("aholodeck.example", "holodeck.example"));
    }
}
