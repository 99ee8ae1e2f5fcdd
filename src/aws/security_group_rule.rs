//! One rule of a security group, ours or another's
//! (<https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html>).
//!
//! Rules have ids and tags of their own, so ours are told from those that others add to the same group. Ports, protocol
//! and description change in place; group, direction and the kind of peer do not.

use aws_sdk_ec2::types::{
    IpPermission, IpRange, ResourceType, SecurityGroupRule as Description, SecurityGroupRuleRequest,
    SecurityGroupRuleUpdate, UserIdGroupPair,
};
use holodeck_engine::{Error, FieldChange, Input, Observed, Order, Resource, Status, Verdict};
use serde::{Deserialize, Serialize};

use crate::aws::answer::{Answer, Given};
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::ec2_tags;
use crate::aws::owner::{self, Tags};

/// A rule that lets traffic through.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SecurityGroupRule {
    /// The group that it belongs to.
    pub group: Input<String>,
    /// Which way the traffic goes.
    pub direction: Direction,
    /// `tcp`, `udp`, `icmp`, or `-1` for all.
    pub protocol: String,
    /// The first port; -1 where the protocol has none.
    pub from_port: i32,
    /// The last port; -1 where the protocol has none.
    pub to_port: i32,
    /// Who is at the other end.
    pub peer: Peer,
    /// What it is for.
    pub description: String,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// Which way the traffic of a rule goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Towards members of the group.
    Ingress,
    /// Away from them.
    Egress,
}

/// Who is at the other end of the traffic of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Peer {
    /// Addresses of an IPv4 network.
    Network(String),
    /// Members of a security group.
    Group(Input<String>),
    /// Something that rules of ours never have, such as a prefix list, by its id.
    Other(String),
}

impl Peer {
    fn id_or_network(&self) -> Result<&str, Error> {
        match self {
            Self::Network(network) => Ok(network),
            Self::Group(group) => Ok(group.get()?),
            Self::Other(other) => Err(Error::bug(format!("`{other}` cannot be the peer of a rule"))),
        }
    }
}

/// A rule puts nothing out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {}

impl Resource for SecurityGroupRule {
    const KIND: &'static str = "aws.security_group_rule";
    type Outputs = Outputs;
    type Client = Aws;
    const DISPOSABLE: bool = true;

    fn judge(&self, actual: &Self, changes: &[FieldChange]) -> Verdict {
        use std::mem::discriminant;
        let immutable: &[&str] = match discriminant(&self.peer) == discriminant(&actual.peer) {
            true => &["group", "direction"],
            false => &["group", "direction", "peer"],
        };
        Verdict::replace_if_changed(changes, immutable, Order::DeleteFirst)
    }

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let request = aws.ec2.describe_security_group_rules().filters(ec2_tags::owned(aws));
        let pages = request.into_paginator().items().send();
        let found: Vec<Description> =
            pages.collect::<Result<_, _>>().await.answer("DescribeSecurityGroupRules")?;
        found.into_iter().filter_map(|found| observe(aws, found).transpose()).collect()
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let tags = ec2_tags::specification(aws, ResourceType::SecurityGroupRule, name, &self.tags);
        let (group, permission) = (self.group.get()?, self.permission()?);
        match self.direction {
            Direction::Ingress => {
                let request = aws.ec2_once.authorize_security_group_ingress().group_id(group);
                let request = request.ip_permissions(permission).tag_specifications(tags);
                request.send().await.answer("AuthorizeSecurityGroupIngress")?;
            }
            Direction::Egress => {
                let request = aws.ec2_once.authorize_security_group_egress().group_id(group);
                let request = request.ip_permissions(permission).tag_specifications(tags);
                request.send().await.answer("AuthorizeSecurityGroupEgress")?;
            }
        }
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        if changes.iter().any(|change| !change.is_within("tags")) {
            let update = SecurityGroupRuleUpdate::builder().security_group_rule_id(&seen.id);
            let update = update.security_group_rule(self.request()?).build();
            let request = aws.ec2.modify_security_group_rules().group_id(self.group.get()?);
            request.security_group_rules(update).send().await.answer("ModifySecurityGroupRules")?;
        }
        if touches(changes, "tags") {
            ec2_tags::set(aws, &seen.id, &self.tags).await?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        const GONE: [&str; 3] =
            ["InvalidGroup.NotFound", "InvalidPermission.NotFound", "InvalidSecurityGroupRuleId.NotFound"];
        let group = seen.attributes.group.get()?;
        match seen.attributes.direction {
            Direction::Ingress => {
                let request = aws.ec2.revoke_security_group_ingress().group_id(group);
                let answer = request.security_group_rule_ids(&seen.id).send().await;
                answer.removed("RevokeSecurityGroupIngress", &GONE, &[])
            }
            Direction::Egress => {
                let request = aws.ec2.revoke_security_group_egress().group_id(group);
                let answer = request.security_group_rule_ids(&seen.id).send().await;
                answer.removed("RevokeSecurityGroupEgress", &GONE, &[])
            }
        }
    }
}

impl SecurityGroupRule {
    /// The rule as it is added to a group.
    fn permission(&self) -> Result<IpPermission, Error> {
        let permission = IpPermission::builder()
            .ip_protocol(&self.protocol)
            .from_port(self.from_port)
            .to_port(self.to_port);
        let peer = self.peer.id_or_network()?;
        let permission = match self.peer {
            Peer::Group(_) => {
                let pair = UserIdGroupPair::builder().group_id(peer).description(&self.description);
                permission.user_id_group_pairs(pair.build())
            }
            _ => {
                let range = IpRange::builder().cidr_ip(peer).description(&self.description);
                permission.ip_ranges(range.build())
            }
        };
        Ok(permission.build())
    }

    /// The rule as it is changed.
    fn request(&self) -> Result<SecurityGroupRuleRequest, Error> {
        let request = SecurityGroupRuleRequest::builder()
            .ip_protocol(&self.protocol)
            .from_port(self.from_port)
            .to_port(self.to_port)
            .description(&self.description);
        let peer = self.peer.id_or_network()?;
        Ok(match self.peer {
            Peer::Group(_) => request.referenced_group_id(peer).build(),
            _ => request.cidr_ipv4(peer).build(),
        })
    }
}

fn observe(aws: &Aws, found: Description) -> Result<Option<Observed<SecurityGroupRule>>, Error> {
    let Some((name, tags)) = aws.owner.recognise(found.tags()) else { return Ok(None) };
    let id = found.security_group_rule_id.given("the id of a security group rule")?;
    let group = found.referenced_group_info.and_then(|group| group.group_id);
    let peer = match (found.cidr_ipv4, group) {
        (Some(network), _) => Peer::Network(network),
        (None, Some(group)) => Peer::Group(group.into()),
        (None, None) => Peer::Other(found.cidr_ipv6.or(found.prefix_list_id).unwrap_or_default()),
    };
    let attributes = SecurityGroupRule {
        group: found.group_id.given("the group of a security group rule")?.into(),
        direction: if found.is_egress.unwrap_or_default() { Direction::Egress } else { Direction::Ingress },
        protocol: found.ip_protocol.unwrap_or_default(),
        from_port: found.from_port.unwrap_or(-1),
        to_port: found.to_port.unwrap_or(-1),
        peer,
        description: found.description.unwrap_or_default(),
        tags,
    };
    Ok(Some(Observed { name, id, attributes, outputs: Outputs {}, status: Status::Ready, uses: Vec::new() }))
}
