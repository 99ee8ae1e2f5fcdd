//! Initialising: which parameters go with which seal, and the keys that come of it.
//! <https://developer.hashicorp.com/vault/api-docs/system/init>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::{Answer, Initialization, Refusal, SHAMIR, Secret, Server, Vault, hex, parse};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters {
    secret_shares: i64,
    secret_threshold: i64,
    stored_shares: i64,
    pgp_keys: Option<Vec<String>>,
    recovery_shares: i64,
    recovery_threshold: i64,
    recovery_pgp_keys: Option<Vec<String>>,
    root_token_pgp_key: String,
}

impl Parameters {
    /// Refuses those that do not go with the seal.
    fn check_seal(&self, seal: &str) -> Result<(), Refusal> {
        let some = |keys: &Option<Vec<String>>| keys.as_ref().is_some_and(|keys| !keys.is_empty());
        let foreign = if seal == SHAMIR {
            vec![
                ("recovery_shares", self.recovery_shares != 0),
                ("recovery_threshold", self.recovery_threshold != 0),
                ("recovery_pgp_keys", some(&self.recovery_pgp_keys)),
            ]
        } else {
            vec![
                ("secret_shares", self.secret_shares != 0),
                ("secret_threshold", self.secret_threshold != 0),
                ("stored_shares", self.stored_shares != 0),
                ("pgp_keys", some(&self.pgp_keys)),
            ]
        };
        let given: Vec<&str> =
            foreign.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
        if !given.is_empty() {
            let names = given.join(",");
            let error = format!("parameters {names} not applicable to seal type {seal}");
            return Err(Refusal::bad_request(error));
        }
        if some(&self.pgp_keys) || some(&self.recovery_pgp_keys) || !self.root_token_pgp_key.is_empty() {
            return Err(Refusal::bad_request("the simulated Vault does not encrypt keys with PGP"));
        }
        Ok(())
    }

    /// How many shares there will be, and how many are needed.
    fn shares(&self, seal: &str) -> Result<(usize, usize), Refusal> {
        let (what, shares, threshold) = if seal == SHAMIR {
            ("seal", self.secret_shares, self.secret_threshold)
        } else if self.recovery_shares < 1 {
            let error = "recovery configuration must specify a positive number of shares";
            return Err(Refusal::bad_request(error));
        } else {
            ("recovery", self.recovery_shares, self.recovery_threshold)
        };
        let wrong = match (shares, threshold) {
            (..=0, _) => "shares must be at least one",
            (_, ..=0) => "threshold must be at least one",
            (2.., 1) => "threshold must be greater than one for multiple shares",
            (256.., _) => "shares must be less than 256",
            (_, 256..) => "threshold must be less than 256",
            _ if threshold > shares => "threshold cannot be larger than shares",
            _ => return Ok((to_count(shares), to_count(threshold))),
        };
        Err(Refusal::bad_request(format!("invalid {what} configuration: {wrong}")))
    }
}

fn to_count(number: i64) -> usize {
    usize::try_from(number).unwrap_or_default()
}

impl Vault {
    /// Initialises Vault by one of its servers; with a Shamir seal all of them are sealed then.
    pub(super) fn initialize(&mut self, server: &str, seal: &str, body: &[u8]) -> Answer {
        let parameters: Parameters = parse(body)?;
        parameters.check_seal(seal)?;
        let (shares, threshold) = parameters.shares(seal)?;
        if self.is_initialized() {
            return Err(Refusal::bad_request("Vault is already initialized"));
        }
        let keys: Vec<Vec<u8>> = (1..=shares).map(|number| self.share(number, shares)).collect();
        let encoded: Vec<String> = keys.iter().map(|key| STANDARD.encode(key)).collect();
        let plain: Vec<String> = keys.iter().map(|key| hex(key)).collect();
        let root_token = self.root_token();
        let made = Initialization {
            seal: seal.to_owned(),
            first: server.to_owned(),
            joined: seal != SHAMIR,
            shares: encoded.iter().cloned().map(Secret).collect(),
            threshold,
            root_token: Secret(root_token.clone()),
        };
        self.initialization = Some(made);
        if seal == SHAMIR {
            return Ok(json!({"keys": plain, "keys_base64": encoded, "root_token": root_token}));
        }
        self.servers.insert(server.to_owned(), Server { unsealed: true, progress: Vec::new() });
        self.elect();
        Ok(json!({
            "keys": [], "keys_base64": [], "recovery_keys": plain, "recovery_keys_base64": encoded,
            "root_token": root_token,
        }))
    }

    /// A share of a split key is a byte longer than the key; a key in one piece is that key.
    fn share(&self, number: usize, shares: usize) -> Vec<u8> {
        let mut share = self.derive(&format!("share {number} of {shares}")).to_vec();
        if shares > 1 {
            share.extend(u8::try_from(number));
        }
        share
    }

    fn root_token(&self) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let letter = |byte: &u8| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]);
        let letters: String = self.derive("root token").iter().take(24).map(letter).collect();
        format!("hvs.{letters}")
    }
}
