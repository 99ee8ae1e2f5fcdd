//! Client tokens: the same token with the same arguments gives the same resource, with others it is refused.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Answer, ApiError};

/// What was made under each token.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tokens(BTreeMap<String, Made>);

#[derive(Debug, Serialize, Deserialize)]
struct Made {
    arguments: String,
    id: String,
}

impl Tokens {
    /// The id of what was made by `operation` under `token` before. `arguments` (the whole input) must be the same.
    pub fn recall(
        &self,
        operation: &str,
        token: Option<&str>,
        arguments: &impl Debug,
    ) -> Answer<Option<String>> {
        let Some(made) = token.and_then(|token| self.0.get(&key(operation, token))) else { return Ok(None) };
        if made.arguments == digest(arguments) {
            return Ok(Some(made.id.clone()));
        }
        let message = "The request uses the same client token as a previous, but non-identical request.";
        Err(ApiError::new("IdempotentParameterMismatch", message))
    }

    /// Remembers that `operation` made `id` under `token`.
    pub fn remember(&mut self, operation: &str, token: Option<&str>, arguments: &impl Debug, id: &str) {
        if let Some(token) = token {
            self.0.insert(key(operation, token), Made { arguments: digest(arguments), id: id.to_owned() });
        }
    }
}

fn key(operation: &str, token: &str) -> String {
    format!("{operation}/{token}")
}

/// The same for equal arguments: maps print their entries in an order of their own, hence the sorting.
fn digest(arguments: &impl Debug) -> String {
    let text = format!("{arguments:?}");
    let mut parts: Vec<&str> = text.split([',', '{', '}']).map(str::trim).collect();
    parts.sort_unstable();
    Sha256::digest(parts.join(",").as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn equal_maps_are_equal_arguments() {
        let pairs = || (0..20).map(|number| (format!("key{number}"), number));
        let (one, two): (HashMap<_, _>, HashMap<_, _>) = (pairs().collect(), pairs().rev().collect());
        let mut tokens = Tokens::default();
        tokens.remember("Create", Some("token"), &one, "id");
        assert_eq!(tokens.recall("Create", Some("token"), &two), Ok(Some("id".to_owned())));
        assert_eq!(tokens.recall("Other", Some("token"), &two), Ok(None));
        let other = HashMap::from([("key".to_owned(), 1)]);
        let refused = tokens.recall("Create", Some("token"), &other).unwrap_err();
        assert_eq!(refused.code, "IdempotentParameterMismatch");
    }
}
