//! Rules of security groups, each with an id and tags of its own
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html>).
//!
//! Invariant: a group has no two rules with the same direction, protocol, ports and peer.

use std::net::Ipv4Addr;

use aws_sdk_ec2::operation::authorize_security_group_egress::{
    AuthorizeSecurityGroupEgressInput, AuthorizeSecurityGroupEgressOutput,
};
use aws_sdk_ec2::operation::authorize_security_group_ingress::{
    AuthorizeSecurityGroupIngressInput, AuthorizeSecurityGroupIngressOutput,
};
use aws_sdk_ec2::operation::describe_security_group_rules::{
    DescribeSecurityGroupRulesInput, DescribeSecurityGroupRulesOutput,
};
use aws_sdk_ec2::operation::modify_security_group_rules::{
    ModifySecurityGroupRulesInput, ModifySecurityGroupRulesOutput,
};
use aws_sdk_ec2::operation::revoke_security_group_egress::{
    RevokeSecurityGroupEgressInput, RevokeSecurityGroupEgressOutput,
};
use aws_sdk_ec2::operation::revoke_security_group_ingress::{
    RevokeSecurityGroupIngressInput, RevokeSecurityGroupIngressOutput,
};
use aws_sdk_ec2::types::{
    self, IpPermission, IpRange, Ipv6Range, PrefixListId, ReferencedSecurityGroup, ResourceType,
    SecurityGroupRuleRequest, UserIdGroupPair,
};
use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::request::{self, invalid, not_found, required};
use super::security_group;
use crate::aws::filters::{Fields, one};
use crate::aws::{Answer, ApiError, Services, World};

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rule {
    group: String,
    pub(super) egress: bool,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, the number of another protocol, or `-1` for all.
    pub(super) protocol: String,
    /// First and last port, or type and code; -1 for all.
    pub(super) ports: (i32, i32),
    peer: Peer,
    description: Option<String>,
}

/// Whom a rule lets in, or whom to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Peer {
    V4(Ipv4Net),
    V6(Ipv6Net),
    PrefixList(String),
    Group(String),
}

const FIELDS: &Fields<types::SecurityGroupRule> = &[
    ("group-id", |rule| one(rule.group_id())),
    ("security-group-rule-id", |rule| one(rule.security_group_rule_id())),
];

pub(super) fn register(services: &mut Services) {
    super::operations!(
        services,
        authorize_security_group_egress: AuthorizeSecurityGroupEgressInput,
        authorize_security_group_ingress: AuthorizeSecurityGroupIngressInput,
        describe_security_group_rules: DescribeSecurityGroupRulesInput,
        modify_security_group_rules: ModifySecurityGroupRulesInput,
        revoke_security_group_egress: RevokeSecurityGroupEgressInput,
        revoke_security_group_ingress: RevokeSecurityGroupIngressInput,
    );
}

/// The rules of a group.
pub(super) fn of_group<'a>(world: &'a World, group: &str) -> impl Iterator<Item = &'a Rule> {
    world.ec2.security_group_rules.values().filter(move |rule| rule.group == group)
}

/// Whether the rule of another group refers to this one.
pub(super) fn is_referenced(world: &World, group: &str) -> bool {
    let refers =
        |rule: &Rule| rule.group != group && matches!(&rule.peer, Peer::Group(peer) if peer == group);
    world.ec2.security_group_rules.values().any(refers)
}

/// Removes the rules of a group, with the group.
pub(super) fn remove_of_group(world: &mut World, group: &str) {
    let ids = matching(world, |rule| rule.group == group);
    remove(world, &ids);
}

/// Adds a rule and gives its id.
pub(super) fn add(world: &mut World, rule: Rule) -> String {
    let id = world.id("sgr");
    world.ec2.security_group_rules.insert(id.clone(), rule);
    id
}

fn matching(world: &World, matches: impl Fn(&Rule) -> bool) -> Vec<String> {
    let rules = world.ec2.security_group_rules.iter().filter(|(_, rule)| matches(rule));
    rules.map(|(id, _)| id.clone()).collect()
}

fn remove(world: &mut World, ids: &[String]) {
    for id in ids {
        world.ec2.security_group_rules.remove(id);
        world.ec2.tags.remove(id);
    }
}

impl Rule {
    /// Everything out: what a new group has.
    pub(super) fn to_anywhere(group: &str) -> Self {
        let peer = Peer::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0));
        let protocol = "-1".to_owned();
        Self { group: group.to_owned(), egress: true, protocol, ports: (-1, -1), peer, description: None }
    }

    /// Everything in from the members of a group.
    pub(super) fn from_group(group: &str, peer: &str) -> Self {
        let (group, peer) = (group.to_owned(), Peer::Group(peer.to_owned()));
        Self { group, egress: false, protocol: "-1".to_owned(), ports: (-1, -1), peer, description: None }
    }

    fn is_same(&self, other: &Self) -> bool {
        let identity = |rule: &Self| Self { description: None, ..rule.clone() };
        identity(self) == identity(other)
    }

    fn show(&self, world: &World, id: &str) -> types::SecurityGroupRule {
        let rule = types::SecurityGroupRule::builder()
            .security_group_rule_id(id)
            .security_group_rule_arn(world.arn("ec2", &format!("security-group-rule/{id}")))
            .group_id(&self.group)
            .group_owner_id(&world.account)
            .is_egress(self.egress)
            .ip_protocol(&self.protocol)
            .from_port(self.ports.0)
            .to_port(self.ports.1)
            .set_description(self.description.clone())
            .set_tags(request::shown_tags(world, id));
        let rule = match &self.peer {
            Peer::V4(network) => rule.cidr_ipv4(network.to_string()),
            Peer::V6(network) => rule.cidr_ipv6(network.to_string()),
            Peer::PrefixList(list) => rule.prefix_list_id(list),
            Peer::Group(group) => {
                let group = ReferencedSecurityGroup::builder().group_id(group).user_id(&world.account);
                rule.referenced_group_info(group.build())
            }
        };
        rule.build()
    }
}

/// Rules of equal protocol and ports in the older form.
pub(super) fn show_together(world: &World, rules: &[&Rule]) -> IpPermission {
    let mut permission = IpPermission::builder();
    if let Some(first) = rules.first() {
        permission = permission.ip_protocol(&first.protocol);
        if first.protocol != "-1" {
            permission = permission.from_port(first.ports.0).to_port(first.ports.1);
        }
    }
    for rule in rules {
        let text = rule.description.clone();
        permission = match &rule.peer {
            Peer::V4(network) => permission
                .ip_ranges(IpRange::builder().cidr_ip(network.to_string()).set_description(text).build()),
            Peer::V6(network) => {
                let range = Ipv6Range::builder().cidr_ipv6(network.to_string()).set_description(text);
                permission.ipv6_ranges(range.build())
            }
            Peer::PrefixList(list) => {
                let list = PrefixListId::builder().prefix_list_id(list).set_description(text);
                permission.prefix_list_ids(list.build())
            }
            Peer::Group(group) => {
                let pair = UserIdGroupPair::builder().group_id(group).user_id(&world.account);
                permission.user_id_group_pairs(pair.set_description(text).build())
            }
        };
    }
    permission.build()
}

/// A protocol by its name where it has one, and its ports.
fn protocol(given: Option<&str>, from: Option<i32>, to: Option<i32>) -> Answer<(String, (i32, i32))> {
    let given = required(given, "ipProtocol")?.to_lowercase();
    let name = match &*given {
        "6" => "tcp",
        "17" => "udp",
        "1" => "icmp",
        "58" => "icmpv6",
        "all" => "-1",
        other => other,
    };
    let known = ["tcp", "udp", "icmp", "icmpv6", "-1"].contains(&name) || name.parse::<u8>().is_ok();
    if !known {
        return Err(invalid(format!("Invalid value '{given}' for IP protocol. Unknown protocol.")));
    }
    let ports = match name {
        "tcp" | "udp" => {
            let (from, to) = (from.ok_or_else(no_ports)?, to.ok_or_else(no_ports)?);
            if !(0..=65535).contains(&from) || !(from..=65535).contains(&to) {
                return Err(invalid(format!(
                    "Invalid value for portRange. {from}-{to} is no range of ports."
                )));
            }
            (from, to)
        }
        "icmp" | "icmpv6" => (from.unwrap_or(-1), to.unwrap_or(-1)),
        _ => (-1, -1),
    };
    Ok((name.to_owned(), ports))
}

fn no_ports() -> ApiError {
    let message = "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.";
    invalid(message)
}

fn v4(text: &str) -> Answer<Peer> {
    request::network(text, "cidrIp").map(Peer::V4)
}

fn v6(text: &str) -> Answer<Peer> {
    let network: Result<Ipv6Net, _> = text.parse();
    network
        .map(|network| Peer::V6(network.trunc()))
        .map_err(|_| invalid(format!("CIDR block {text} is malformed")))
}

fn peer_group(world: &World, id: Option<&str>) -> Answer<Peer> {
    security_group::given(world, id).map(|id| Peer::Group(id.to_owned()))
}

/// The rules that a permission of a request stands for: one for each peer.
fn rules_of(world: &World, group: &str, egress: bool, permission: &IpPermission) -> Answer<Vec<Rule>> {
    let ports = (permission.from_port(), permission.to_port());
    let (protocol, ports) = protocol(permission.ip_protocol(), ports.0, ports.1)?;
    let mut peers = Vec::new();
    for range in permission.ip_ranges() {
        peers.push((v4(required(range.cidr_ip(), "cidrIp")?)?, range.description()));
    }
    for range in permission.ipv6_ranges() {
        peers.push((v6(required(range.cidr_ipv6(), "cidrIpv6")?)?, range.description()));
    }
    for list in permission.prefix_list_ids() {
        let id = required(list.prefix_list_id(), "prefixListId")?;
        peers.push((Peer::PrefixList(id.to_owned()), list.description()));
    }
    for pair in permission.user_id_group_pairs() {
        peers.push((peer_group(world, pair.group_id())?, pair.description()));
    }
    if peers.is_empty() {
        return Err(request::missing("ipRanges, ipv6Ranges, prefixListIds or groups"));
    }
    let rule = |(peer, description): (Peer, Option<&str>)| Rule {
        group: group.to_owned(),
        egress,
        protocol: protocol.clone(),
        ports,
        peer,
        description: description.map(str::to_owned),
    };
    Ok(peers.into_iter().map(rule).collect())
}

/// The permissions of a request; ingress also takes a single one in fields of its own.
fn rules(world: &World, group: &str, egress: bool, permissions: &[IpPermission]) -> Answer<Vec<Rule>> {
    if permissions.is_empty() {
        return Err(request::missing("ipPermissions"));
    }
    let rules: Answer<Vec<_>> = permissions.iter().map(|p| rules_of(world, group, egress, p)).collect();
    Ok(rules?.into_iter().flatten().collect())
}

fn authorize(
    world: &mut World,
    (group, egress): (Option<&str>, bool),
    permissions: &[IpPermission],
    tags: &[types::TagSpecification],
) -> Answer<Vec<types::SecurityGroupRule>> {
    let group = security_group::given(world, group)?;
    let tags = request::tags_for(tags, &ResourceType::SecurityGroupRule)?;
    let rules = rules(world, group, egress, permissions)?;
    for (index, rule) in rules.iter().enumerate() {
        let among =
            |mut others: Box<dyn Iterator<Item = &Rule> + '_>| others.any(|other| other.is_same(rule));
        let earlier = rules.get(..index).unwrap_or_default();
        if among(Box::new(of_group(world, group))) || among(Box::new(earlier.iter())) {
            let ports = rule.ports;
            let message = format!(
                "the specified rule \"peer: {}, {}, from port: {}, to port: {}, ALLOW\" already exists",
                rule.peer.text(),
                rule.protocol,
                ports.0,
                ports.1
            );
            return Err(ApiError::new("InvalidPermission.Duplicate", message));
        }
    }
    let mut shown = Vec::new();
    for rule in rules {
        let id = add(world, rule.clone());
        world.ec2.tags.insert(id.clone(), tags.clone());
        shown.push(rule.show(world, &id));
    }
    Ok(shown)
}

impl Peer {
    fn text(&self) -> String {
        match self {
            Self::V4(network) => network.to_string(),
            Self::V6(network) => network.to_string(),
            Self::PrefixList(id) | Self::Group(id) => id.clone(),
        }
    }
}

fn authorize_security_group_ingress(
    world: &mut World,
    input: &AuthorizeSecurityGroupIngressInput,
) -> Answer<AuthorizeSecurityGroupIngressOutput> {
    let mut permissions = input.ip_permissions().to_vec();
    if let Some(cidr) = input.cidr_ip() {
        let range = IpRange::builder().cidr_ip(cidr).build();
        let ports = (input.from_port(), input.to_port());
        let permission = IpPermission::builder().set_ip_protocol(input.ip_protocol().map(str::to_owned));
        permissions.push(permission.set_from_port(ports.0).set_to_port(ports.1).ip_ranges(range).build());
    }
    let rules = authorize(world, (input.group_id(), false), &permissions, input.tag_specifications())?;
    let output = AuthorizeSecurityGroupIngressOutput::builder().r#return(true);
    Ok(output.set_security_group_rules(Some(rules)).build())
}

fn authorize_security_group_egress(
    world: &mut World,
    input: &AuthorizeSecurityGroupEgressInput,
) -> Answer<AuthorizeSecurityGroupEgressOutput> {
    let group = (input.group_id(), true);
    let rules = authorize(world, group, input.ip_permissions(), input.tag_specifications())?;
    let output = AuthorizeSecurityGroupEgressOutput::builder().r#return(true);
    Ok(output.set_security_group_rules(Some(rules)).build())
}

fn describe_security_group_rules(
    world: &mut World,
    input: &DescribeSecurityGroupRulesInput,
) -> Answer<DescribeSecurityGroupRulesOutput> {
    let ids = input.security_group_rule_ids();
    let rules = request::by_ids(
        &world.ec2.security_group_rules,
        ids,
        "InvalidSecurityGroupRuleId.NotFound",
        "security group rule ID",
    )?;
    let rules = rules.into_iter().map(|(id, rule)| rule.show(world, id));
    let rules = request::filtered(rules, input.filters(), FIELDS, types::SecurityGroupRule::tags)?;
    let (rules, next) = request::page(rules, input.next_token(), input.max_results())?;
    let output = DescribeSecurityGroupRulesOutput::builder().set_security_group_rules(Some(rules));
    Ok(output.set_next_token(next).build())
}

fn unknown(id: &str) -> ApiError {
    not_found("InvalidSecurityGroupRuleId.NotFound", "security group rule ID", id)
}

/// The ids of the rules that a request revokes, by their ids or by what they say.
fn revoked(
    world: &World,
    (group, egress): (Option<&str>, bool),
    ids: &[String],
    permissions: &[IpPermission],
) -> Answer<Vec<String>> {
    let group = security_group::given(world, group)?;
    if !ids.is_empty() {
        let has = |id: &&String| {
            let rule = world.ec2.security_group_rules.get(*id);
            rule.is_some_and(|rule| rule.group == group && rule.egress == egress)
        };
        return match ids.iter().find(|id| !has(id)) {
            Some(id) => Err(unknown(id)),
            None => Ok(ids.to_vec()),
        };
    }
    let mut found = Vec::new();
    for rule in rules(world, group, egress, permissions)? {
        let same = matching(world, |other| other.is_same(&rule));
        if same.is_empty() {
            let message = "The specified rule does not exist in this security group.";
            return Err(ApiError::new("InvalidPermission.NotFound", message));
        }
        found.extend(same);
    }
    Ok(found)
}

fn revoke_security_group_ingress(
    world: &mut World,
    input: &RevokeSecurityGroupIngressInput,
) -> Answer<RevokeSecurityGroupIngressOutput> {
    let ids = input.security_group_rule_ids();
    let ids = revoked(world, (input.group_id(), false), ids, input.ip_permissions())?;
    remove(world, &ids);
    Ok(RevokeSecurityGroupIngressOutput::builder().r#return(true).build())
}

fn revoke_security_group_egress(
    world: &mut World,
    input: &RevokeSecurityGroupEgressInput,
) -> Answer<RevokeSecurityGroupEgressOutput> {
    let ids = input.security_group_rule_ids();
    let ids = revoked(world, (input.group_id(), true), ids, input.ip_permissions())?;
    remove(world, &ids);
    Ok(RevokeSecurityGroupEgressOutput::builder().r#return(true).build())
}

fn modified(world: &World, rule: &Rule, request: &SecurityGroupRuleRequest) -> Answer<Rule> {
    let ports = (request.from_port(), request.to_port());
    let (protocol, ports) = protocol(request.ip_protocol(), ports.0, ports.1)?;
    let peer = if let Some(network) = request.cidr_ipv4() {
        v4(network)?
    } else if let Some(network) = request.cidr_ipv6() {
        v6(network)?
    } else if let Some(list) = request.prefix_list_id() {
        Peer::PrefixList(list.to_owned())
    } else {
        peer_group(world, request.referenced_group_id())?
    };
    if std::mem::discriminant(&peer) != std::mem::discriminant(&rule.peer) {
        return Err(invalid("The kind of a rule's source or destination cannot be changed."));
    }
    let description = request.description().map(str::to_owned);
    Ok(Rule { group: rule.group.clone(), egress: rule.egress, protocol, ports, peer, description })
}

fn modify_security_group_rules(
    world: &mut World,
    input: &ModifySecurityGroupRulesInput,
) -> Answer<ModifySecurityGroupRulesOutput> {
    let group = security_group::given(world, input.group_id())?;
    let mut changes = Vec::new();
    for update in input.security_group_rules() {
        let id = required(update.security_group_rule_id(), "securityGroupRuleId")?;
        let rule = world.ec2.security_group_rules.get(id).filter(|rule| rule.group == group);
        let rule = rule.ok_or_else(|| unknown(id))?;
        let request = update.security_group_rule().ok_or_else(|| request::missing("securityGroupRule"))?;
        changes.push((id.to_owned(), modified(world, rule, request)?));
    }
    for (id, rule) in &changes {
        if matching(world, |other| other.is_same(rule)).iter().any(|other| other != id) {
            let message = "The specified rule already exists in this security group.";
            return Err(ApiError::new("InvalidPermission.Duplicate", message));
        }
    }
    world.ec2.security_group_rules.extend(changes);
    Ok(ModifySecurityGroupRulesOutput::builder().r#return(true).build())
}
