//! What must hold for the values of `[provider]` that have a form of their own.
//!
//! Invariant: a rule names every value that it reads, so that it is silent about values that are wrong by
//! themselves. Rules ask no service: what needs an answer from the cluster is read when it is connected to.

use age::x25519::Recipient;
use domain::tsig::KeyName;
use http::Uri;

use super::{
    AddressRange, Backups, Dns, DynamicUpdates, KubeconfigSettings, LoadBalancer, Metallb, Seal, Transit,
};
use crate::authorities;
use crate::environment::{Credentials, Environment, Finding, Findings, KeyPath};
use crate::name_server::ServerAddress;

/// Applies the rules for the provider's table, which stands at `at`.
pub(crate) fn check(
    settings: &KubeconfigSettings,
    environment: &Environment,
    at: &KeyPath,
    findings: &mut Findings,
) {
    if let LoadBalancer::Metallb(metallb) = &settings.load_balancer {
        pool_is_of_addresses(metallb, &at.keys("load_balancer.addresses"), findings);
    }
    if let Dns::Rfc2136(updates) = &settings.dns {
        updates_can_be_made(updates, environment, &at.key("dns"), findings);
    }
    if let Seal::Transit(transit) = &settings.seal {
        is_web_address(&transit.address, &at.keys("seal.address"), findings);
        authority_is_of_certificates(transit, &at.keys("seal.authority"), findings);
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
    identity_can_be_read(settings, &at.keys("recovery_keys.identity"), findings);
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

fn updates_can_be_made(
    updates: &DynamicUpdates,
    environment: &Environment,
    at: &KeyPath,
    findings: &mut Findings,
) {
    if updates.server.parse::<ServerAddress>().is_err() {
        findings.add(Finding::new(
            at.key("server"),
            format!("`{}` is no address of a name server", updates.server),
            "write a host name or an IP address, with a port where it is not 53, such as `ns1.holodeck.example:5353` or \
             `[2001:db8::53]:5353`",
        ));
    }
    if let Some(zone) = &updates.zone {
        domain_is_in_zone(zone, environment, &at.key("zone"), findings);
    }
    let key = &updates.key;
    if key.name.parse::<KeyName>().is_err() {
        findings.add(Finding::new(
            at.keys("key.name"),
            format!("`{}` is no name of a key", key.name),
            "write the name as the server has it: a domain name such as `onprem`, or `onprem.holodeck.example`",
        ));
    }
    if let Credentials::AwsSecret(_) | Credentials::Vault(_) = key.secret {
        findings.add(Finding::new(
            at.keys("key.secret"),
            "the secret of the key cannot be had from there: it signs before anything else is up",
            "keep it in a variable, `{ env = \"…\" }`, or in a file, `{ file = \"…\" }`, of the machine that runs `up`",
        ));
    }
    if key.algorithm.of_issuers().is_none() && environment.certificates.issuer.is_acme() {
        findings.add(
            Finding::new(
                at.keys("key.algorithm"),
                "cert-manager, which proves the domain by DNS-01, does not know this algorithm",
                "make the key anew with `hmac-sha256` or `hmac-sha512`, or choose `issuer = \"internal-ca\"`",
            )
            .because(KeyPath::default().keys("certificates.issuer"), "the issuer"),
        );
    }
}

fn domain_is_in_zone(zone: &str, environment: &Environment, at: &KeyPath, findings: &mut Findings) {
    let domain = &environment.domain;
    if domain != zone && !domain.ends_with(&format!(".{zone}")) {
        findings.add(
            Finding::new(
                at.clone(),
                format!("the domain `{domain}` is not in the zone `{zone}`"),
                "name the zone that the domain is in, or choose another domain",
            )
            .because(KeyPath::default().key("domain"), "the domain"),
        );
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

fn authority_is_of_certificates(transit: &Transit, at: &KeyPath, findings: &mut Findings) {
    let Some(text) = &transit.authority else { return };
    let why = match authorities::from_pem(text.as_bytes()) {
        Ok(authorities) if !authorities.is_empty() => return,
        Ok(_) => "there is none in it".to_owned(),
        Err(error) => error.to_string(),
    };
    findings.add(Finding::new(
        at.clone(),
        format!("these are no certificates of authorities: {why}"),
        "write them as PEM, from `-----BEGIN CERTIFICATE-----` to `-----END CERTIFICATE-----`",
    ));
}

fn recipients_are_age_keys(settings: &KubeconfigSettings, at: &KeyPath, findings: &mut Findings) {
    for (index, recipient) in settings.recovery_keys.recipients.iter().enumerate() {
        if recipient.parse::<Recipient>().is_ok() {
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

fn identity_can_be_read(settings: &KubeconfigSettings, at: &KeyPath, findings: &mut Findings) {
    if let Some(Credentials::AwsSecret(_) | Credentials::Vault(_)) = settings.recovery_keys.identity {
        findings.add(Finding::new(
            at.clone(),
            "the identity cannot be had from there: it opens Vault before anything else is up",
            "keep it in a variable, `{ env = \"…\" }`, or in a file, `{ file = \"…\" }`, of the machine that runs `up`",
        ));
    }
}
