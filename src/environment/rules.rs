//! What must hold between the values of an environment, whatever its provider; the provider adds its own
//! rules.
//!
//! Invariant: a rule names every value that it reads, so that it is silent about values that are wrong by
//! themselves.

use super::finding::{Finding, Findings};
use super::key_path::KeyPath;
use super::wording::{list, nearest};
use super::{ChartSource, ComponentSettings, Credentials, Environment};
use crate::provider::LeastNodes;

/// Applies every rule to `environment`, which was read from the file called `file_stem`.
pub(super) fn check(environment: &Environment, file_stem: &str, findings: &mut Findings) {
    let root = KeyPath::default();
    name_is_the_files(environment, file_stem, &root, findings);
    domain_is_below_parent_zone(environment, &root, findings);
    acme_has_an_email(environment, &root, findings);
    vault_can_elect_a_leader(environment, &root, findings);
    vault_has_a_node_for_each_replica(environment, &root, findings);
    node_ports_differ(environment, &root, findings);
    repositories_are_addresses_without_secrets(environment, &root, findings);
    gitops_names_known_repositories(environment, &root, findings);
    gitops_has_its_controller(environment, &root, findings);
    certificates_have_their_issuer(environment, &root, findings);
    charts_say_all_by_values(environment, &root, findings);
    chart_repositories_are_addresses_without_secrets(environment, &root, findings);
    environment.provider.settings().check(environment, &root.key("provider"), findings);
}

fn name_is_the_files(environment: &Environment, file_stem: &str, root: &KeyPath, findings: &mut Findings) {
    let name = &environment.name;
    if name != file_stem {
        findings.add(Finding::new(
            root.key("name"),
            format!("the name `{name}` is not that of the file, `{file_stem}.toml`"),
            format!("write `name = \"{file_stem}\"`, or rename the file to `{name}.toml`"),
        ));
    }
}

fn domain_is_below_parent_zone(environment: &Environment, root: &KeyPath, findings: &mut Findings) {
    let Some(parent) = &environment.dns.parent_zone else { return };
    let domain = &environment.domain;
    if !domain.ends_with(&format!(".{parent}")) {
        findings.add(
            Finding::new(
                root.key("domain"),
                format!("the domain `{domain}` is not below the parent zone `{parent}`"),
                format!("choose a domain such as `{}.{parent}`, or another parent zone", environment.name),
            )
            .because(root.keys("dns.parent_zone"), "the parent zone"),
        );
    }
}

fn acme_has_an_email(environment: &Environment, root: &KeyPath, findings: &mut Findings) {
    let certificates = &environment.certificates;
    if certificates.issuer.is_acme() && certificates.email.is_none() {
        findings.add(
            Finding::new(
                root.keys("certificates.email"),
                "Let's Encrypt wants an email address and `email` is missing from `[certificates]`",
                "add `email = \"infra@holodeck.example\"`, or choose `issuer = \"internal-ca\"`",
            )
            .because(root.keys("certificates.issuer"), "the issuer"),
        );
    }
}

fn vault_can_elect_a_leader(environment: &Environment, root: &KeyPath, findings: &mut Findings) {
    let own = (Some(environment.vault.replicas), root.keys("vault.replicas"));
    let component = (environment.components.vault.replicas, root.keys("components.vault.replicas"));
    for (replicas, path) in [own, component] {
        if let Some(replicas) = replicas.filter(|replicas| replicas % 2 == 0) {
            findings.add(Finding::new(
                path,
                format!("{replicas} Vault servers survive no more failures than {}", replicas - 1),
                "a majority elects the leader: use 1, 3 or 5",
            ));
        }
    }
}

/// Vault's pods keep apart, so that the loss of a node costs one of them at most.
fn vault_has_a_node_for_each_replica(environment: &Environment, root: &KeyPath, findings: &mut Findings) {
    let component = &environment.components.vault;
    let (replicas, path) = match component.replicas {
        Some(replicas) => (replicas, "components.vault.replicas"),
        None => (environment.vault.replicas, "vault.replicas"),
    };
    if let Some(LeastNodes { nodes, key, remedy }) = environment.provider.settings().least_nodes()
        && component.enabled
        && replicas > nodes
    {
        findings.add(
            Finding::new(
                root.keys(path),
                format!("Vault's {replicas} replicas stand on nodes of their own, but there may be only {nodes} nodes"),
                format!("lower it, or {remedy}: {replicas} nodes in all"),
            )
            .because(root.key("provider").keys(key), "the nodes"),
        );
    }
}

fn node_ports_differ(environment: &Environment, root: &KeyPath, findings: &mut Findings) {
    let ports = &environment.ingress.node_ports;
    if ports.http == ports.https {
        findings.add(
            Finding::new(
                root.keys("ingress.node_ports.https"),
                format!("HTTP and HTTPS have the same node port {}", ports.https),
                "give each a port of its own, from 30000 to 32767",
            )
            .because(root.keys("ingress.node_ports.http"), "HTTP"),
        );
    }
}

fn repositories_are_addresses_without_secrets(
    environment: &Environment,
    root: &KeyPath,
    findings: &mut Findings,
) {
    for (name, repository) in &environment.argocd.repositories {
        let path = root.keys("argocd.repositories").key(name);
        let url = &repository.url;
        let known = ["https://", "ssh://", "git@"].iter().any(|prefix| url.starts_with(prefix));
        let authority = url.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
        let user = authority.and_then(|authority| authority.rsplit_once('@')).map(|(user, _)| user);
        let secret = match user {
            Some(user) => user.contains(':') || url.starts_with("https://"),
            None => false,
        };
        if secret {
            findings.add(
                Finding::new(
                    path.key("url"),
                    format!("the address of repository `{name}` holds a credential"),
                    "take it out, and say in `credentials` where it is kept; treat the old one as leaked",
                )
                .conceal(),
            );
        } else if !known {
            findings.add(Finding::new(
                path.key("url"),
                format!("`{url}` is no address of a Git repository"),
                "write `https://…`, `ssh://…` or `git@host:path`",
            ));
        }
        if let Some(Credentials::Vault(reference)) = &repository.credentials
            && !reference.split_once('#').is_some_and(|(at, field)| at.contains('/') && !field.is_empty())
        {
            findings.add(Finding::new(
                path.keys("credentials.vault"),
                format!("`{reference}` names no field of a Vault secret"),
                "write `mount/path#field`, such as `secret/git/platform#token`",
            ));
        }
    }
}

fn gitops_names_known_repositories(environment: &Environment, root: &KeyPath, findings: &mut Findings) {
    let Some(gitops) = &environment.gitops else { return };
    let known: Vec<&str> = environment.argocd.repositories.keys().map(String::as_str).collect();
    let sources = [("platform", Some(&gitops.platform)), ("services_root", gitops.services_root.as_ref())];
    for (key, source) in sources {
        let Some(source) = source else { continue };
        let path = root.key("gitops").key(key);
        if !known.contains(&source.repository.as_str()) {
            let repository = &source.repository;
            let define = format!("add the table `[argocd.repositories.{repository}]`");
            let help = match nearest(repository, &known) {
                Some(near) => format!("did you mean `{near}`? Or {define}"),
                None if known.is_empty() => define,
                None => format!("use {}, or {define}", list(&known)),
            };
            findings.add(
                Finding::new(
                    path.key("repository"),
                    format!("the repository `{repository}` is not defined"),
                    help,
                )
                .because(root.keys("argocd.repositories"), "the repositories"),
            );
        }
        let outside = source.path.starts_with('/') || source.path.split('/').any(|part| part == "..");
        if outside {
            findings.add(Finding::new(
                path.key("path"),
                format!("`{}` does not lead to a folder within the repository", source.path),
                "write the way from the repository's root, without a leading slash and without `..`",
            ));
        }
    }
}

/// The other components' certificates are objects of cert-manager, and go with its definitions.
fn certificates_have_their_issuer(environment: &Environment, root: &KeyPath, findings: &mut Findings) {
    let components = &environment.components;
    if components.cert_manager.enabled {
        return;
    }
    let needing = components
        .named()
        .into_iter()
        .filter(|(name, component)| *name != "cert-manager" && component.enabled);
    for (name, _) in needing {
        findings.add(Finding::new(
            root.keys("components.cert-manager.enabled"),
            format!("`{name}` has its certificates from cert-manager, which is turned off"),
            format!("remove `enabled = false`, or turn `{name}` off as well"),
        ));
    }
}

/// A chart has its own ways to say what these settings say of the embedded manifests.
fn charts_say_all_by_values(environment: &Environment, root: &KeyPath, findings: &mut Findings) {
    for (name, component, _) in charted(environment) {
        let path = root.key("components").key(name);
        let set = [
            ("version", component.version.is_some()),
            ("registry", component.registry.is_some()),
            ("replicas", component.replicas.is_some()),
        ];
        for (key, _) in set.into_iter().filter(|(_, is_set)| *is_set) {
            findings.add(
                Finding::new(
                    path.key(key),
                    format!("`{key}` changes the embedded manifests, but `{name}` comes from a chart"),
                    format!(
                        "say it in `[components.{name}.source.values]`, as the chart's documentation tells"
                    ),
                )
                .because(path.key("source"), "the chart"),
            );
        }
    }
}

fn chart_repositories_are_addresses_without_secrets(
    environment: &Environment,
    root: &KeyPath,
    findings: &mut Findings,
) {
    for (name, _, chart) in charted(environment) {
        let path = root.key("components").key(name).keys("source.repository");
        let address = chart.repository.split_once("://").filter(|(scheme, _)| {
            // The digest tells whether a chart is the right one, however it came.
            ["https", "http", "oci"].contains(scheme)
        });
        let Some((_, rest)) = address else {
            findings.add(Finding::new(
                path,
                format!("`{}` is no address of a chart repository", chart.repository),
                "write `https://…`, `http://…` or `oci://…`",
            ));
            continue;
        };
        if rest.split('/').next().is_some_and(|authority| authority.contains('@')) {
            findings.add(
                Finding::new(
                    path,
                    format!("the address of the chart of `{name}` holds a credential"),
                    "take it out, and treat it as leaked; sign in with `helm registry login`, \
                     or fetch the archive yourself (see `--charts`)",
                )
                .conceal(),
            );
        }
    }
}

/// The components that come from charts.
fn charted(
    environment: &Environment,
) -> impl Iterator<Item = (&'static str, &ComponentSettings, &ChartSource)> {
    let components = environment.components.named().into_iter();
    components.filter_map(|(name, component)| Some((name, component, component.chart()?)))
}

fn gitops_has_its_controller(environment: &Environment, root: &KeyPath, findings: &mut Findings) {
    if environment.gitops.is_some() && !environment.components.argo_cd.enabled {
        findings.add(
            Finding::new(
                root.keys("components.argo-cd.enabled"),
                "`[gitops]` needs Argo CD, which is turned off",
                "remove `enabled = false`, or the table `[gitops]`",
            )
            .because(root.key("gitops"), "what Argo CD is to take over"),
        );
    }
}
