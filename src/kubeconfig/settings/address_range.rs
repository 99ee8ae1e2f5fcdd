//! Addresses that a load balancer gives out: a network, or everything from one address to another.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use ipnet::Ipv4Net;

/// IPv4 addresses in a row, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    /// The first one.
    pub first: Ipv4Addr,
    /// The last one.
    pub last: Ipv4Addr,
}

/// The text is no range of addresses.
#[derive(Debug, thiserror::Error)]
#[error("neither a network nor a range of IPv4 addresses")]
pub struct NotARange;

impl FromStr for AddressRange {
    type Err = NotARange;

    fn from_str(text: &str) -> Result<Self, NotARange> {
        if let Ok(network) = text.parse::<Ipv4Net>() {
            return Ok(Self { first: network.network(), last: network.broadcast() });
        }
        let (first, last) = text.split_once('-').ok_or(NotARange)?;
        let address = |text: &str| text.trim().parse::<Ipv4Addr>().map_err(|_| NotARange);
        let range = Self { first: address(first)?, last: address(last)? };
        if range.first <= range.last { Ok(range) } else { Err(NotARange) }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl AddressRange {
    /// Whether some address is in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Option<String> {
        text.parse::<AddressRange>().ok().map(|range| range.to_string())
    }

    #[test]
    fn networks_and_ranges_are_read() {
        for (text, expected) in [
            ("192.0.2.10-192.0.2.20", "192.0.2.10-192.0.2.20"),
            ("192.0.2.10 - 192.0.2.10", "192.0.2.10-192.0.2.10"),
            ("192.0.2.8/30", "192.0.2.8-192.0.2.11"),
        ] {
            assert_eq!(range(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "192.0.2.1", "192.0.2.20-192.0.2.10", "192.0.2.1-20", "192.0.2.0/33", "a-b"] {
            assert_eq!(range(text), None, "{text}");
        }
    }

    #[test]
    fn ranges_overlap_where_they_share_an_address() {
        let overlap = |a: &str, b: &str| {
            let (a, b): (AddressRange, AddressRange) = (a.parse().unwrap(), b.parse().unwrap());
            a.overlaps(&b) && b.overlaps(&a)
        };
        assert!(overlap("192.0.2.0/24", "192.0.2.255-192.0.3.1"));
        assert!(!overlap("192.0.2.0/25", "192.0.2.128-192.0.2.130"));
    }
}
