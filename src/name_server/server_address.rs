//! Where a name server answers: a host name or an IP address, and a port.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// The port of DNS (RFC 1035, section 4.2).
const PORT: u16 = 53;

/// The address of a name server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    /// Its name or IP address.
    pub host: String,
    /// Its port, for TCP as for UDP.
    pub port: u16,
}

/// The text is no address of a server.
#[derive(Debug, thiserror::Error)]
#[error("neither a host name nor an IP address, with or without a port")]
pub struct NotAnAddress;

impl FromStr for ServerAddress {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        if text.parse::<Ipv6Addr>().is_ok() {
            return Ok(Self { host: text.to_owned(), port: PORT });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok().filter(|&port| port > 0).ok_or(NotAnAddress)?),
            None => (text, PORT),
        };
        let host = match host.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
            Some(bracketed) => bracketed.filter(|host| host.parse::<Ipv6Addr>().is_ok()),
            None => Some(host).filter(|host| is_host(host)),
        };
        Ok(Self { host: host.ok_or(NotAnAddress)?.to_owned(), port })
    }
}

/// Whether a text is a host name (RFC 1123) or an IPv4 address.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        match host.contains(':') {
            true => write!(f, "[{host}]:{port}"),
            false => write!(f, "{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_a_port() {
        for (text, expected) in [
            ("ns1.holodeck.example", "ns1.holodeck.example:53"),
            ("ns1:5353", "ns1:5353"),
            ("192.0.2.53", "192.0.2.53:53"),
            ("192.0.2.53:5353", "192.0.2.53:5353"),
            ("2001:db8::53", "[2001:db8::53]:53"),
            ("[2001:db8::53]:5353", "[2001:db8::53]:5353"),
        ] {
            let address: ServerAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), expected, "{text}");
            assert_eq!(expected.parse::<ServerAddress>().unwrap(), address, "{text}");
        }
        for text in ["", ":53", "ns1:", "ns1:0", "ns1:70000", "ns 1", "a..b", "[ns1]:53", "tcp://ns1:53"] {
            assert!(text.parse::<ServerAddress>().is_err(), "{text}");
        }
    }
}
