//! Texts with a form: what the JSON Schema's `format` keyword means in an environment file.
//!
//! Invariant: every `format` in the schema has its check here; a test compares the two.

use std::borrow::Cow;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::cron;

/// The schema of an IPv4 network such as `10.20.0.0/16`, for fields that hold an [`Ipv4Net`].
pub struct Ipv4Cidr;

impl JsonSchema for Ipv4Cidr {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Ipv4Cidr".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "ipv4-cidr" })
    }
}

/// What is wrong with a text, or with what it stands for.
pub(super) struct Malformed {
    /// What it should be, to follow "is not".
    pub expected: &'static str,
    /// How to write it, a sentence.
    pub help: String,
}

/// Checks `text` against a `format` of the schema. A format that is unknown accepts everything.
pub(super) fn check(format: &str, text: &str) -> Result<(), Malformed> {
    match format {
        "dns-label" => named(is_dns_label(text), "a DNS label", DNS_LABEL),
        "dns-name" => named(is_dns_name(text), "a DNS name", DNS_NAME),
        "email" => {
            named(is_email(text), "an email address", "write an address such as `infra@holodeck.example`")
        }
        "ipv4" => {
            named(text.parse::<Ipv4Addr>().is_ok(), "an IPv4 address", "write one such as `192.0.2.10`")
        }
        "ipv4-cidr" => check_ipv4_network(text),
        "cron" => cron::check(text).map_err(|help| Malformed { expected: "a cron expression", help }),
        "sha256-digest" => {
            named(is_sha256(text), "a SHA-256 digest", "write `sha256:` and 64 hexadecimal digits")
        }
        _ => Ok(()),
    }
}

const DNS_LABEL: &str = "use 1 to 63 lower case letters, digits and inner hyphens, a letter first";
const DNS_NAME: &str = "use at least two lower case labels with dots between, without one at the end";

fn named(good: bool, expected: &'static str, help: &str) -> Result<(), Malformed> {
    if good { Ok(()) } else { Err(Malformed { expected, help: help.to_owned() }) }
}

/// A label as Kubernetes wants it (RFC 1035): the strictest of those that names derived from it must satisfy.
fn is_dns_label(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase()) && is_host_label(text)
}

/// A label as host names have it (RFC 1123).
fn is_host_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_dns_name(text: &str) -> bool {
    text.len() <= 253 && text.contains('.') && text.split('.').all(is_host_label)
}

fn is_email(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && c != '@';
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && local.chars().all(plain) && is_dns_name(&domain.to_ascii_lowercase())
    })
}

fn is_sha256(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|digits| digits.len() == 64 && digits.chars().all(|c| c.is_ascii_hexdigit()))
}

fn check_ipv4_network(text: &str) -> Result<(), Malformed> {
    let expected = "an IPv4 network";
    let network: Ipv4Net = text.parse().map_err(|_| Malformed {
        expected,
        help: "write an address and a prefix length, such as `10.20.0.0/16`".to_owned(),
    })?;
    if network == network.trunc() {
        return Ok(());
    }
    Err(Malformed { expected, help: format!("the network of this address is `{}`", network.trunc()) })
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn each_format_accepts_what_it_names_and_refuses_the_rest() {
        let long_label = "a".repeat(64);
        let digest = format!("sha256:{}", "0a".repeat(32));
        let cases: [(&str, &[&str], &[&str]); 7] = [
            ("dns-label", &["a", "eu-1"], &["", "1a", "-a", "a-", "A", "a.b", "a_b", &long_label]),
            ("dns-name", &["a.b", "1.holodeck.example"], &["", "a", "a..b", "a.b.", "A.b", "*.a.b", "a b.c"]),
            (
                "email",
                &["a@b.example", "a+b@B.example"],
                &["", "a", "@b.example", "a@", "a@@b.example", "a b@c.d"],
            ),
            (
                "ipv4-cidr",
                &["0.0.0.0/0", "10.20.0.0/16"],
                &["", "10.0.0.0", "10.0.0.0/33", "10.0.0.1/16", "::/0"],
            ),
            ("ipv4", &["192.0.2.10"], &["", "192.0.2", "192.0.2.256", "192.0.2.0/24", "::1"]),
            ("cron", &["0 */6 * * *", "@daily"], &["", "* * * *", "60 * * * *"]),
            ("sha256-digest", &[&digest], &["", "sha256:", "md5:00", &digest[..70]]),
        ];
        for (format, good, bad) in cases {
            for text in good {
                assert!(check(format, text).is_ok(), "{format} refuses {text:?}");
            }
            for text in bad {
                assert!(check(format, text).is_err(), "{format} accepts {text:?}");
            }
        }
    }
}
