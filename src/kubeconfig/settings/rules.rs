//! What must hold for the values of `[provider]` that have a form of their own.
//!
//! Invariant: a rule names every value that it reads, so that it is silent about values that are wrong by
//! themselves. Rules ask no service: what needs an answer from the cluster is read when it is connected to.

use bech32::Bech32;
use bech32::primitives::decode::CheckedHrpstring;
use http::Uri;

use super::{AddressRange, Backups, KubeconfigSettings, LoadBalancer, Metallb, Seal};
use crate::environment::{Finding, Findings, KeyPath};

/// Bytes of an X25519 public key, which an age recipient is.
const RECIPIENT_BYTES: usize = 32;

/// Applies the rules for the provider's table, which stands at `at`.
pub(crate) fn check(settings: &KubeconfigSettings, at: &KeyPath, findings: &mut Findings) {
    if let LoadBalancer::Metallb(metallb) = &settings.load_balancer {
        pool_is_of_addresses(metallb, &at.keys("load_balancer.addresses"), findings);
    }
    if let Seal::Transit(transit) = &settings.seal {
        is_web_address(&transit.address, &at.keys("seal.address"), findings);
    }
    match &settings.backups {
        Backups::S3(store) => is_web_address(&store.endpoint, &at.keys("backups.endpoint"), findings),
        Backups::Directory(directory) if !directory.path.is_absolute() => findings.add(Finding::new(
            at.keys("backups.path"),
            format!("the path `{}` is not absolute", directory.path.display()),
            "write it from the root, such as `/srv/backups`",
        )),
        Backups::Directory(_) => {}
    }
    recipients_are_age_keys(settings, &at.keys("recovery_keys.recipients"), findings);
}

fn pool_is_of_addresses(metallb: &Metallb, at: &KeyPath, findings: &mut Findings) {
    let mut ranges: Vec<(usize, AddressRange)> = Vec::new();
    for (index, text) in metallb.addresses.iter().enumerate() {
        let Ok(range) = text.parse::<AddressRange>() else {
            findings.add(Finding::new(
                at.index(index),
                format!("`{text}` is neither a network nor a range of IPv4 addresses"),
                "write a network such as `192.0.2.16/28`, or a range such as `192.0.2.10-192.0.2.20`",
            ));
            continue;
        };
        if let Some((other, _)) = ranges.iter().find(|(_, other)| other.overlaps(&range)) {
            findings.add(
                Finding::new(
                    at.index(index),
                    format!("`{text}` has addresses in common with `{}`", metallb.addresses[*other]),
                    "MetalLB refuses such a pool: name each address once",
                )
                .because(at.index(*other), "the other one"),
            );
        }
        ranges.push((index, range));
    }
}

fn is_web_address(text: &str, at: &KeyPath, findings: &mut Findings) {
    let is_good = text.parse::<Uri>().is_ok_and(|address| {
        matches!(address.scheme_str(), Some("https" | "http"))
            && address.host().is_some_and(|host| !host.is_empty())
    });
    if !is_good {
        findings.add(Finding::new(
            at.clone(),
            format!("`{text}` is no address of a service"),
            "write it with its scheme, such as `https://vault.holodeck.example:8200`",
        ));
    }
}

fn recipients_are_age_keys(settings: &KubeconfigSettings, at: &KeyPath, findings: &mut Findings) {
    for (index, recipient) in settings.recovery_keys.recipients.iter().enumerate() {
        if is_age_recipient(recipient) {
            continue;
        }
        let is_secret = recipient.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-");
        let finding = match is_secret {
            true => Finding::new(
                at.index(index),
                "this is the secret key of an age identity",
                "write its public key, `age1…`, which `age-keygen -y` prints; replace the secret one, it was \
                 written down",
            ),
            false => Finding::new(
                at.index(index),
                format!("`{recipient}` is no age recipient"),
                "write a public key as `age-keygen` prints it: `age1` and 58 more characters",
            ),
        };
        findings.add(if is_secret { finding.conceal() } else { finding });
    }
}

/// Whether a text is an X25519 recipient (<https://github.com/C2SP/C2SP/blob/main/age.md>).
fn is_age_recipient(text: &str) -> bool {
    CheckedHrpstring::new::<Bech32>(text)
        .is_ok_and(|key| key.hrp().as_str() == "age" && key.byte_iter().count() == RECIPIENT_BYTES)
}
