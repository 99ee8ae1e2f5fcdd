//! Network interfaces that keep a subnet or a security group from going, for people to read.
//!
//! AWS says only that something depends on it. Load balancers, NAT gateways, nodes and the control plane let go of their
//! interfaces some time after they are gone themselves, so this is what a removal usually waits for.

use aws_sdk_ec2::types::{Filter, NetworkInterface};
use holodeck_engine::{Class, Error};

use crate::aws::answer::Answer;
use crate::aws::client::Aws;

/// At most so many interfaces are named.
const NAMED: usize = 3;

/// Network interfaces that match `filter`.
pub async fn matching(aws: &Aws, filter: Filter) -> Result<Vec<NetworkInterface>, Error> {
    let pages = aws.ec2.describe_network_interfaces().filters(filter).into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.answer("DescribeNetworkInterfaces")
}

/// `removed` as it is, unless it waits: then the interfaces that match `filter` are named as what it waits for.
pub async fn explain(aws: &Aws, removed: Result<(), Error>, filter: Filter) -> Result<(), Error> {
    let Err(error) = removed else { return Ok(()) };
    if error.class != Class::NotYet {
        return Err(error);
    }
    match matching(aws, filter).await {
        Ok(found) if !found.is_empty() => Err(Error::not_yet(wording(&found)).with_source(error)),
        // Without a reason of our own, that of AWS tells enough.
        _ => Err(error),
    }
}

fn wording(found: &[NetworkInterface]) -> String {
    let named: Vec<String> = found.iter().take(NAMED).map(name).collect();
    let more = match found.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("still used by {}{more}", named.join(", "))
}

fn name(interface: &NetworkInterface) -> String {
    let id = interface.network_interface_id().unwrap_or("a network interface");
    match interface.description().filter(|description| !description.is_empty()) {
        Some(description) => format!("{id} ({description})"),
        None => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(id: &str, description: &str) -> NetworkInterface {
        NetworkInterface::builder().network_interface_id(id).description(description).build()
    }

    #[test]
    fn the_first_interfaces_are_named_with_what_they_are_for() {
        let one = [interface("eni-1", "ELB net/staging-ingress/0123")];
        assert_eq!(wording(&one), "still used by eni-1 (ELB net/staging-ingress/0123)");
        let many: Vec<_> = (1..=5).map(|number| interface(&format!("eni-{number}"), "")).collect();
        assert_eq!(wording(&many), "still used by eni-1, eni-2, eni-3 and 2 more");
    }
}
