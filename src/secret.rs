//! Credentials as references: where each one is kept, written into texts as a placeholder and resolved at the point of
//! use only.
//!
//! Invariant: a resolved credential lives in a [`SecretString`] on its way into a request and nowhere else.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

pub use crate::environment::Credentials as SecretReference;

const OPEN: char = '\u{E010}';
const CLOSE: char = '\u{E011}';
/// How a placeholder is written for people.
const READABLE_OPEN: &str = "${secret:";
const READABLE_CLOSE: char = '}';

/// A source of credentials.
#[async_trait]
pub trait SecretSource: Send + Sync {
    /// The credential that `reference` names.
    async fn resolve(&self, reference: &SecretReference) -> Result<SecretString, SecretError>;
}

/// Why a credential could not be had. Never contains it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment variable is not set, or is empty.
    #[error("environment variable `{0}` is not set, but a credential is to come from it")]
    Unset(String),
    /// The environment variable is no text.
    #[error("environment variable `{0}` is not valid UTF-8")]
    NoText(String),
    /// The file cannot be read.
    #[error("the file `{}`, which a credential is to come from, cannot be read", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file holds nothing.
    #[error("the file `{}`, which a credential is to come from, is empty", .0.display())]
    Empty(PathBuf),
    /// This source does not know such places.
    #[error("no access to `{0}`, which a credential is to come from")]
    NoAccess(String),
    /// A service did not give it.
    #[error("reading the credential `{reference}`")]
    Service {
        /// Which one.
        reference: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Credentials in environment variables and files of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalSecrets;

#[async_trait]
impl SecretSource for LocalSecrets {
    async fn resolve(&self, reference: &SecretReference) -> Result<SecretString, SecretError> {
        match reference {
            SecretReference::Env(name) => from_variable(name),
            SecretReference::File(path) => from_file(path).await,
            SecretReference::AwsSecret(_) | SecretReference::Vault(_) => {
                Err(SecretError::NoAccess(text_of(reference)))
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the environment file says that the secret is there")]
fn from_variable(name: &str) -> Result<SecretString, SecretError> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => Ok(SecretString::from(value)),
        Err(std::env::VarError::NotUnicode(_)) => Err(SecretError::NoText(name.to_owned())),
        _ => Err(SecretError::Unset(name.to_owned())),
    }
}

async fn from_file(path: &Path) -> Result<SecretString, SecretError> {
    let mut text = tokio::fs::read_to_string(path)
        .await
        .map_err(|source| SecretError::File { path: path.to_owned(), source })?;
    // Editors end a token's file with a line break that is not part of it; keys of several lines need theirs.
    if text.trim_end().lines().count() == 1 {
        text.truncate(text.trim_end().len());
    }
    if text.is_empty() {
        return Err(SecretError::Empty(path.to_owned()));
    }
    Ok(SecretString::from(text))
}

/// The reference as `place:value`, such as `env:HOLODECK_GIT_TOKEN`.
pub fn text_of(reference: &SecretReference) -> String {
    match reference {
        SecretReference::Env(name) => format!("env:{name}"),
        SecretReference::File(path) => format!("file:{}", path.display()),
        SecretReference::AwsSecret(name) => format!("aws_secret:{name}"),
        SecretReference::Vault(path) => format!("vault:{path}"),
    }
}

fn reference_of(text: &str) -> Option<SecretReference> {
    let (place, value) = text.split_once(':')?;
    Some(match place {
        "env" => SecretReference::Env(value.to_owned()),
        "file" => SecretReference::File(value.into()),
        "aws_secret" => SecretReference::AwsSecret(value.to_owned()),
        "vault" => SecretReference::Vault(value.to_owned()),
        _ => return None,
    })
}

/// The placeholder that stands for a credential in a text.
pub fn placeholder(reference: &SecretReference) -> String {
    format!("{OPEN}{}{CLOSE}", text_of(reference))
}

/// Whether a text contains a placeholder.
pub fn has_placeholder(text: &str) -> bool {
    text.contains(OPEN)
}

/// `text` with each placeholder written for people, such as `${secret:env:HOLODECK_GIT_TOKEN}`.
pub fn readable(text: &str) -> String {
    text.replace(OPEN, READABLE_OPEN).replace(CLOSE, &READABLE_CLOSE.to_string())
}

/// The text that [`readable`] was made from.
pub fn from_readable(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(READABLE_OPEN) {
        let Some((reference, after)) = after.split_once(READABLE_CLOSE) else { break };
        out.push_str(before);
        out.push(OPEN);
        out.push_str(reference);
        out.push(CLOSE);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The references in a text, in their order.
pub fn references(text: &str) -> Vec<SecretReference> {
    let opened = text.split(OPEN).skip(1);
    opened.filter_map(|rest| reference_of(rest.split_once(CLOSE)?.0)).collect()
}

/// `text` with the credentials in place of their placeholders.
pub async fn resolve(text: &str, source: &dyn SecretSource) -> Result<SecretString, SecretError> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        let Some((reference, after)) = after.split_once(CLOSE) else { break };
        let known = reference_of(reference).ok_or_else(|| SecretError::NoAccess(reference.to_owned()))?;
        out.push_str(before);
        out.push_str(source.resolve(&known).await?.expose_secret());
        rest = after;
    }
    out.push_str(rest);
    Ok(SecretString::from(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    #[async_trait]
    impl SecretSource for Fixed {
        async fn resolve(&self, reference: &SecretReference) -> Result<SecretString, SecretError> {
            Ok(SecretString::from(format!("<{}>", text_of(reference))))
        }
    }

    #[tokio::test]
    async fn placeholders_are_found_shown_and_resolved() {
        let (token, key) =
            (SecretReference::Env("TOKEN".into()), SecretReference::Vault("kv/git#key".into()));
        let text = format!("a {} b {}", placeholder(&token), placeholder(&key));
        assert_eq!(references(&text), [token, key]);
        assert_eq!(readable(&text), "a ${secret:env:TOKEN} b ${secret:vault:kv/git#key}");
        assert_eq!(from_readable(&readable(&text)), text);
        assert_eq!(
            resolve(&text, &Fixed).await.unwrap().expose_secret(),
            "a <env:TOKEN> b <vault:kv/git#key>"
        );
    }

    #[tokio::test]
    async fn a_files_last_line_break_belongs_to_keys_but_not_to_tokens() {
        let folder = tempfile::tempdir().unwrap();
        for (content, expected) in [("token\n", "token"), ("-----\nkey\n-----\n", "-----\nkey\n-----\n")] {
            let path = folder.path().join("secret");
            std::fs::write(&path, content).unwrap();
            let found = LocalSecrets.resolve(&SecretReference::File(path)).await.unwrap();
            assert_eq!(found.expose_secret(), expected);
        }
    }

    #[tokio::test]
    async fn what_is_missing_is_named() {
        let cases = [
            (
                SecretReference::Env("HOLODECK_TEST_UNSET".into()),
                "environment variable `HOLODECK_TEST_UNSET` is not set, but a credential is to come from it",
            ),
            (
                SecretReference::File("/nonexistent/token".into()),
                "the file `/nonexistent/token`, which a credential is to come from, cannot be read",
            ),
            (
                SecretReference::AwsSecret("git".into()),
                "no access to `aws_secret:git`, which a credential is to come from",
            ),
        ];
        for (reference, expected) in cases {
            assert_eq!(LocalSecrets.resolve(&reference).await.unwrap_err().to_string(), expected);
        }
    }
}
