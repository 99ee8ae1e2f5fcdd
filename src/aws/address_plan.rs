//! How the addresses of a VPC are shared out among its subnets.
//!
//! Invariant: the plan depends on the network and a subnet's zone alone, so more zones add subnets and move
//! none. Private subnets, where nodes and pods take addresses, are an eighth of the network each and fill it
//! from below; public ones, which hold load balancers and NAT gateways only, are 256 addresses or fewer each
//! and fill it from above.
//! AWS takes subnets from /16 to /28 (<https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html>).

use ipnet::Ipv4Net;
use thiserror::Error;

use super::settings::SubnetTier;

/// Smallest and greatest prefix length of a VPC's network that the plan is made for.
pub const PREFIX_LENGTHS: std::ops::RangeInclusive<u8> = 16..=24;

/// Names of the zones in the plan, in order: the letters that subnets and settings use.
pub const ZONE_LETTERS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// A private subnet's prefix is this much longer than the network's.
const PRIVATE_BITS: u8 = 3;

/// A public subnet's prefix is this much longer than the network's, within [`PUBLIC_PREFIX_LENGTHS`].
const PUBLIC_BITS: u8 = 5;

const PUBLIC_PREFIX_LENGTHS: (u8, u8) = (24, 28);

/// A subnet to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubnetPlan {
    /// Its name: tier and zone letter, such as `public-a`.
    pub name: String,
    /// Its addresses.
    pub cidr: Ipv4Net,
    /// Whether it has a way in from the internet.
    pub tier: SubnetTier,
    /// Position of its zone among the zones in use, from 0.
    pub zone_index: usize,
}

/// Why a network cannot be shared out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressPlanError {
    /// Its prefix length is not among those that the plan is made for.
    #[error("{0} is not from /{least} to /{most}", least = PREFIX_LENGTHS.start(), most = PREFIX_LENGTHS.end())]
    PrefixLength(Ipv4Net),
    /// There are more zones than letters.
    #[error("{0} zones are more than {most}", most = ZONE_LETTERS.len())]
    TooManyZones(u8),
    /// The subnets of so many zones take more addresses than there are.
    #[error("the subnets of {zones} zones do not fit into {cidr}, those of {fitting} do")]
    DoesNotFit {
        /// The network.
        cidr: Ipv4Net,
        /// Number of zones asked for.
        zones: u8,
        /// Greatest number of zones that fits.
        fitting: u8,
    },
}

/// Plans a public and a private subnet in each of `zones` zones of the network `cidr`: first the public ones.
///
/// # Errors
/// If the network's size is not one that the plan is made for, or the subnets do not fit into it.
pub fn subnets(cidr: Ipv4Net, zones: u8) -> Result<Vec<SubnetPlan>, AddressPlanError> {
    if !PREFIX_LENGTHS.contains(&cidr.prefix_len()) {
        return Err(AddressPlanError::PrefixLength(cidr));
    }
    if usize::from(zones) > ZONE_LETTERS.len() {
        return Err(AddressPlanError::TooManyZones(zones));
    }
    let fits = |zones: u8| {
        let taken = u32::from(zones) * (size(private_prefix(cidr)) + size(public_prefix(cidr)));
        taken <= size(cidr.prefix_len())
    };
    if !fits(zones) {
        let fitting = (0..zones).rev().find(|zones| fits(*zones)).unwrap_or_default();
        return Err(AddressPlanError::DoesNotFit { cidr, zones, fitting });
    }
    let zones = usize::from(zones);
    let public = (0..zones).map(|zone| public_subnet(cidr, zone));
    Ok(public.chain((0..zones).map(|zone| private_subnet(cidr, zone))).collect())
}

fn public_subnet(network: Ipv4Net, zone: usize) -> SubnetPlan {
    let prefix = public_prefix(network);
    let end = u32::from(network.network()) + (size(network.prefix_len()) - 1);
    let first = end - (size(prefix) - 1) - size(prefix) * zone as u32;
    subnet(SubnetTier::Public, zone, first, prefix)
}

fn private_subnet(network: Ipv4Net, zone: usize) -> SubnetPlan {
    let prefix = private_prefix(network);
    let first = u32::from(network.network()) + size(prefix) * zone as u32;
    subnet(SubnetTier::Private, zone, first, prefix)
}

fn subnet(tier: SubnetTier, zone_index: usize, first: u32, prefix: u8) -> SubnetPlan {
    let cidr = Ipv4Net::new_assert(first.into(), prefix);
    SubnetPlan { name: format!("{}-{}", tier.as_str(), ZONE_LETTERS[zone_index]), cidr, tier, zone_index }
}

fn private_prefix(network: Ipv4Net) -> u8 {
    network.prefix_len() + PRIVATE_BITS
}

fn public_prefix(network: Ipv4Net) -> u8 {
    let (longest_net, shortest_net) = PUBLIC_PREFIX_LENGTHS;
    (network.prefix_len() + PUBLIC_BITS).clamp(longest_net, shortest_net)
}

/// Number of addresses of a network with this prefix length, which is never 0 here.
fn size(prefix: u8) -> u32 {
    1 << (32 - prefix)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn networks() -> impl Strategy<Value = Ipv4Net> {
        (any::<u32>(), PREFIX_LENGTHS)
            .prop_map(|(address, prefix)| Ipv4Net::new_assert(Ipv4Addr::from(address), prefix).trunc())
    }

    proptest! {
        #[test]
        fn subnets_are_disjoint_inside_and_large_enough(network in networks(), zones in 0..=6u8) {
            let Ok(plan) = subnets(network, zones) else { return Ok(()) };
            prop_assert_eq!(plan.len(), usize::from(zones) * 2);
            for (position, subnet) in plan.iter().enumerate() {
                prop_assert!(network.contains(&subnet.cidr));
                prop_assert_eq!(subnet.cidr, subnet.cidr.trunc());
                prop_assert!((16..=28).contains(&subnet.cidr.prefix_len()));
                for other in &plan[..position] {
                    prop_assert!(!subnet.cidr.contains(&other.cidr) && !other.cidr.contains(&subnet.cidr));
                    prop_assert_ne!(&subnet.name, &other.name);
                }
            }
        }

        #[test]
        fn more_zones_move_no_subnet(network in networks(), zones in 1..=6u8) {
            let Ok(more) = subnets(network, zones) else { return Ok(()) };
            let fewer = subnets(network, zones - 1);
            prop_assert!(fewer.is_ok());
            for subnet in fewer.unwrap_or_default() {
                prop_assert!(more.contains(&subnet));
            }
        }

        #[test]
        fn three_zones_fit_into_every_network(network in networks()) {
            prop_assert!(subnets(network, 3).is_ok());
        }
    }

    #[test]
    fn a_large_network_keeps_most_addresses_for_nodes_and_pods() {
        let plan = subnets("10.20.0.0/16".parse().expect("a network"), 3).expect("a plan");
        let shown: Vec<String> =
            plan.iter().map(|subnet| format!("{} {}", subnet.name, subnet.cidr)).collect();
        assert_eq!(
            shown,
            [
                "public-a 10.20.255.0/24",
                "public-b 10.20.254.0/24",
                "public-c 10.20.253.0/24",
                "private-a 10.20.0.0/19",
                "private-b 10.20.32.0/19",
                "private-c 10.20.64.0/19",
            ]
        );
    }

    #[test]
    fn what_does_not_fit_is_said_with_what_does() {
        let small: Ipv4Net = "10.0.0.0/24".parse().expect("a network");
        assert_eq!(
            subnets(small, 6),
            Err(AddressPlanError::DoesNotFit { cidr: small, zones: 6, fitting: 5 })
        );
        let tiny: Ipv4Net = "10.0.0.0/25".parse().expect("a network");
        assert_eq!(subnets(tiny, 2), Err(AddressPlanError::PrefixLength(tiny)));
        assert_eq!(subnets(small, 7), Err(AddressPlanError::TooManyZones(7)));
    }
}
