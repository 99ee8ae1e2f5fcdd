//! The records of an environment on a name server that takes dynamic updates: the connection to it, the records, and the
//! solver of challenges that writes there, too.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::tsig;
use futures::FutureExt;
use holodeck_engine::{Class, Error, Graph};
use holodeck_sandbox::Sandbox;
use holodeck_sandbox::name_server::GivenNameServer;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretSlice};
use serde_json::json;

use super::foundation::{addresses, names};
use super::settings::{Algorithm, DynamicUpdates, Key, KubeconfigSettings};
use crate::environment::Environment;
use crate::name_server::record_set::RecordSet;
use crate::name_server::{Access, DomainName, Exchange, NameServer, Now, ServerAddress, Tcp};
use crate::provider::{self, SolverCredential};
use crate::secret::{self, SecretSource, placeholder};

/// The Secret that the solver has its key from, and the key of its only value.
const SOLVER_SECRET: &str = "dns-updates";
const SOLVER_SECRET_KEY: &str = "tsig-secret";

/// Connects to the name server that `updates` name, in the sandbox where there is one. Refuses a server that does not keep
/// the domain in the zone.
pub async fn connect(
    updates: &DynamicUpdates,
    environment: &Environment,
    secrets: &dyn SecretSource,
    sandbox: Option<&Sandbox>,
) -> Result<NameServer, Error> {
    let zone = domain_name(updates.zone(environment))?;
    let address = address(updates)?;
    let secret = secret(&updates.key, secrets, sandbox.is_some()).await?;
    let key = key(&updates.key, &secret)?;
    let (exchange, now): (Arc<dyn Exchange>, Now) = match sandbox {
        Some(sandbox) => {
            let given = GivenNameServer { zone: zone.clone(), key: key.clone() };
            let clock = sandbox.clock();
            (Arc::new(sandbox.name_server(given)), Arc::new(move || clock.now()))
        }
        None => (Arc::new(Tcp(address.clone())), Arc::new(Timestamp::now)),
    };
    let server = NameServer::new(&environment.name, Access { address, zone, key, exchange, now });
    server.check(&domain_name(&environment.domain)?).await?;
    Ok(server)
}

/// Adds the records to the graph.
pub fn declare(
    server: &Arc<NameServer>,
    updates: &DynamicUpdates,
    settings: &KubeconfigSettings,
    environment: &Environment,
    graph: &mut Graph,
) {
    let server = server.clone();
    let host = graph.host(&(), move |()| {
        let server = server.clone();
        async move { Ok(server) }.boxed()
    });
    graph.register::<RecordSet>(host);
    graph.group("DNS");
    for (name, record) in ["apex", "wildcard"].into_iter().zip(names(environment)) {
        let addresses = addresses(settings).into_iter().collect();
        graph.add(name, RecordSet { record, ttl_seconds: updates.ttl_seconds, addresses });
    }
}

/// The solver that writes its challenges on the same server
/// (<https://cert-manager.io/docs/configuration/acme/dns01/rfc2136/>).
pub fn solver(updates: &DynamicUpdates, environment: &Environment) -> provider::Dns {
    let address = address(updates).ok();
    let solver = json!({
        "nameserver": address.as_ref().map(ToString::to_string),
        "protocol": "TCP",
        "tsigKeyName": updates.key.name,
        "tsigAlgorithm": updates.key.algorithm.of_issuers(),
        "tsigSecretSecretRef": { "name": SOLVER_SECRET, "key": SOLVER_SECRET_KEY },
    });
    provider::Dns {
        solver: json!({ "dns01": { "rfc2136": solver } }),
        credential: Some(SolverCredential {
            secret: SOLVER_SECRET.to_owned(),
            key: SOLVER_SECRET_KEY.to_owned(),
            value: placeholder(&updates.key.secret),
        }),
        zones: vec![environment.domain.clone()],
        ports: address.map(|address| address.port).into_iter().collect(),
    }
}

fn address(updates: &DynamicUpdates) -> Result<ServerAddress, Error> {
    updates.server.parse().map_err(|error| {
        Error::bug(format!("`{}` passed for the address of a name server", updates.server)).with_source(error)
    })
}

fn domain_name(text: &str) -> Result<DomainName, Error> {
    text.parse().map_err(|error: domain::base::name::FromStrError| {
        Error::bug(format!("`{text}` passed for a domain name")).with_source(error.to_string())
    })
}

/// The secret of `key`, of which a sandbox has a stand-in that is no Base64.
async fn secret(key: &Key, source: &dyn SecretSource, is_stand_in: bool) -> Result<SecretSlice<u8>, Error> {
    let named = format!("the secret of the key `{}` for DNS updates", key.name);
    let text = source.resolve(&key.secret).await.map_err(|error| {
        Error::new(Class::Denied, named.clone())
            .with_source(error)
            .with_hint("`provider.dns.key.secret` says where it is kept")
    })?;
    let text = text.expose_secret();
    if is_stand_in {
        return Ok(text.as_bytes().to_vec().into());
    }
    let secret = BASE64_STANDARD.decode(text.trim()).ok().filter(|secret| !secret.is_empty());
    let secret = secret.ok_or_else(|| {
        // What is wrong with it might tell a part of it.
        Error::new(Class::Denied, format!("{named}, from `{}`, is no Base64", secret::text_of(&key.secret)))
            .with_hint(
                "put there what stands between the quotes after `secret` in the output of `tsig-keygen`",
            )
    })?;
    Ok(secret.into())
}

fn key(key: &Key, secret: &SecretSlice<u8>) -> Result<tsig::Key, Error> {
    let unusable = || Error::bug(format!("`{}` passed for the name of a key", key.name));
    let name = key.name.parse().map_err(|_| unusable())?;
    let algorithm = match key.algorithm {
        Algorithm::Sha256 => tsig::Algorithm::Sha256,
        Algorithm::Sha384 => tsig::Algorithm::Sha384,
        Algorithm::Sha512 => tsig::Algorithm::Sha512,
    };
    tsig::Key::new(algorithm, secret.expose_secret(), name, None, None).map_err(|_| unusable())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use crate::environment::Credentials;
    use crate::secret::LocalSecrets;
    use crate::simulation::StandIns;

    use super::*;

    fn described(secret: Credentials) -> Key {
        Key { name: "onprem".into(), algorithm: Algorithm::Sha256, secret }
    }

    /// What a file with `content` gives.
    async fn in_file(content: &str) -> Result<Vec<u8>, Error> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        let key = described(Credentials::File(file.path().to_owned()));
        Ok(secret(&key, &LocalSecrets, false).await?.expose_secret().to_vec())
    }

    #[tokio::test]
    async fn the_secret_is_read_as_tsig_keygen_prints_it() {
        assert_eq!(in_file("c2VjcmV0\n").await.unwrap(), b"secret");
        let key = described(Credentials::Env("ANY".into()));
        assert!(secret(&key, &StandIns, true).await.is_ok());
    }

    #[tokio::test]
    async fn a_secret_that_is_none_is_named_and_not_told() {
        let error = in_file("not/a:secret").await.unwrap_err();
        assert_eq!(error.class, Class::Denied);
        let told = format!("{error:?} {}", error.hint().unwrap_or_default());
        assert!(told.contains("is no Base64") && !told.contains("not/a:secret"), "{told}");
        let key = described(Credentials::Env("HOLODECK_TEST_UNSET".into()));
        let error = secret(&key, &LocalSecrets, false).await.unwrap_err();
        assert!(error.chain().contains("`HOLODECK_TEST_UNSET` is not set"), "{error:?}");
    }
}
