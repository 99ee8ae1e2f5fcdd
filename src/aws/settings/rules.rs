//! What must hold between the values of `[provider]`, and what AWS offers and refuses.
//!
//! Invariant: a rule names every value that it reads, so that it is silent about values that are wrong by
//! themselves.
//! Rules ask no service: whatever needs an answer from the account is for the preflight checks.

use super::{AwsSettings, KUBERNETES_VERSIONS, LOG_RETENTION_DAYS};
use crate::aws::address_plan::{self, AddressPlanError, PREFIX_LENGTHS};
use crate::aws::owner::{self, Owner};
use crate::environment::{Finding, Findings, KeyPath, list};

/// Most characters in the name of a load balancer or target group
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>).
const LOAD_BALANCER_NAME: usize = 32;

/// The longest name that a load balancer or target group has beside the environment's.
const LONGEST_LOAD_BALANCER_NAME: &str = "ingress-https";

/// Most tags of our users' choice on a resource: AWS allows 50, some are ours.
const TAGS: usize = 40;

/// Applies the rules for the provider's table, which stands at `at` in the environment called `name`.
pub(crate) fn check(settings: &AwsSettings, name: &str, at: &KeyPath, findings: &mut Findings) {
    names_fit(name, findings);
    region_has_the_form(settings, at, findings);
    account_is_a_number(settings, at, findings);
    subnets_fit(settings, at, findings);
    version_is_offered(settings, at, findings);
    endpoint_is_reachable(settings, at, findings);
    admins_are_principals(settings, at, findings);
    retention_is_known(settings, at, findings);
    tags_are_allowed(settings, at, findings);
    let owner = Owner { environment: name.to_owned() };
    for (name, group) in &settings.node_groups {
        super::node_group::check(group, name, settings, &owner, at, findings);
    }
    for (name, database) in &settings.databases {
        super::database::check(database, name, &owner, at, findings);
    }
}

fn names_fit(name: &str, findings: &mut Findings) {
    let owner = Owner { environment: name.to_owned() };
    let longest = owner.prefixed(LONGEST_LOAD_BALANCER_NAME);
    if longest.len() > LOAD_BALANCER_NAME {
        let most = LOAD_BALANCER_NAME - (longest.len() - name.len());
        findings.add(Finding::new(
            KeyPath::default().key("name"),
            format!("the environment's name has {} characters, too many for AWS", name.len()),
            format!(
                "use at most {most}: a target group is called `{longest}` and AWS allows {LOAD_BALANCER_NAME}"
            ),
        ));
    }
}

fn region_has_the_form(settings: &AwsSettings, at: &KeyPath, findings: &mut Findings) {
    let parts: Vec<&str> = settings.region.split('-').collect();
    let letters = |part: &&str| part.len() >= 2 && part.chars().all(|c| c.is_ascii_lowercase());
    let good = match parts.as_slice() {
        [area @ .., number] if area.len() >= 2 => {
            area.iter().all(letters) && number.len() == 1 && number.chars().all(|c| c.is_ascii_digit())
        }
        _ => false,
    };
    if !good {
        findings.add(Finding::new(
            at.key("region"),
            format!("`{}` is no AWS region", settings.region),
            "write a region's code, such as `eu-west-1`; a zone's letter does not belong to it",
        ));
    }
}

fn account_is_a_number(settings: &AwsSettings, at: &KeyPath, findings: &mut Findings) {
    if !is_account(&settings.account) {
        findings.add(Finding::new(
            at.key("account"),
            format!("`{}` is no AWS account", settings.account),
            "write its 12 digits without hyphens; `aws sts get-caller-identity` shows them",
        ));
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.chars().all(|c| c.is_ascii_digit())
}

fn subnets_fit(settings: &AwsSettings, at: &KeyPath, findings: &mut Findings) {
    let network = &settings.network;
    let path = at.keys("network.cidr");
    let finding = match address_plan::subnets(network.cidr, network.zones) {
        Ok(_) => return,
        Err(error @ AddressPlanError::PrefixLength(_)) => {
            let (largest, smallest) = (PREFIX_LENGTHS.start(), PREFIX_LENGTHS.end());
            let help = format!(
                "choose a prefix length from /{largest} (65536 addresses) to /{smallest} (256 addresses)"
            );
            Finding::new(path, format!("the network {error}"), help)
        }
        Err(error @ AddressPlanError::DoesNotFit { fitting, .. }) => {
            let help = format!("take a larger network, such as /16, or at most {fitting} zones");
            Finding::new(path, error.to_string(), help).because(at.keys("network.zones"), "the zones")
        }
        Err(error @ AddressPlanError::TooManyZones(_)) => {
            Finding::new(at.keys("network.zones"), error.to_string(), "use fewer zones")
        }
    };
    findings.add(finding);
}

fn version_is_offered(settings: &AwsSettings, at: &KeyPath, findings: &mut Findings) {
    let version = settings.cluster.version.as_str();
    if !KUBERNETES_VERSIONS.contains(&version) {
        findings.add(Finding::new(
            at.keys("cluster.version"),
            format!("EKS does not offer Kubernetes `{version}`"),
            format!("it offers {}", list(&KUBERNETES_VERSIONS)),
        ));
    }
}

fn endpoint_is_reachable(settings: &AwsSettings, at: &KeyPath, findings: &mut Findings) {
    let endpoint = &settings.cluster.endpoint;
    if endpoint.public.is_empty() && !endpoint.private {
        findings.add(
            Finding::new(
                at.keys("cluster.endpoint"),
                "the Kubernetes API can be reached from nowhere",
                "set `private = true`, or list in `public` the networks that may reach it",
            )
            .because(at.keys("cluster.endpoint.private"), "not from inside"),
        );
    }
}

fn admins_are_principals(settings: &AwsSettings, at: &KeyPath, findings: &mut Findings) {
    for (index, arn) in settings.cluster.admins.iter().enumerate() {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let good = match parts.as_slice() {
            ["arn", partition, "iam", "", account, resource] => {
                let name = resource.strip_prefix("role/").or_else(|| resource.strip_prefix("user/"));
                partition.starts_with("aws")
                    && is_account(account)
                    && name.is_some_and(|name| !name.is_empty())
            }
            _ => false,
        };
        if !good {
            let help = if arn.contains(":assumed-role/") {
                "this names a session; write the role it was made from, `arn:aws:iam::ACCOUNT:role/NAME`"
            } else {
                "write `arn:aws:iam::ACCOUNT:role/NAME` or `arn:aws:iam::ACCOUNT:user/NAME`"
            };
            let path = at.keys("cluster.admins").index(index);
            findings.add(Finding::new(path, format!("`{arn}` is no IAM role or user"), help));
        }
    }
}

fn retention_is_known(settings: &AwsSettings, at: &KeyPath, findings: &mut Findings) {
    let days = settings.cluster.log_retention_days;
    if LOG_RETENTION_DAYS.contains(&days) {
        return;
    }
    let below = LOG_RETENTION_DAYS.iter().rev().find(|known| **known < days);
    let above = LOG_RETENTION_DAYS.iter().find(|known| **known > days);
    let near: Vec<String> = below.into_iter().chain(above).map(u32::to_string).collect();
    findings.add(Finding::new(
        at.keys("cluster.log_retention_days"),
        format!("CloudWatch Logs cannot keep logs for {days} days"),
        format!("the nearest periods that it knows are {}", list(&near).replace(" or ", " and ")),
    ));
}

fn tags_are_allowed(settings: &AwsSettings, at: &KeyPath, findings: &mut Findings) {
    let path = at.key("tags");
    if settings.tags.len() > TAGS {
        let message = format!("{} tags are too many", settings.tags.len());
        findings.add(Finding::new(path.clone(), message, format!("use at most {TAGS}")));
    }
    for (key, value) in &settings.tags {
        let lower = key.to_ascii_lowercase();
        let reserved = lower.starts_with("aws:") || owner::is_reserved(key);
        if reserved {
            findings.add(Finding::new(
                path.key(key),
                format!("the tag `{key}` is reserved"),
                "choose another key; those of AWS (`aws:`) and those that mark ownership are not yours to set",
            ));
        } else if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            findings.add(Finding::new(
                path.key(key),
                format!("the tag `{key}` is empty or too long"),
                "a key has 1 to 128 characters, a value at most 256",
            ));
        }
    }
}
