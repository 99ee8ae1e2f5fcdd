//! Unsealing a server, share by share. <https://developer.hashicorp.com/vault/api-docs/system/unseal>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{Answer, Refusal, Secret, Server, Vault, parse};

/// The shortest and the longest share, in bytes: of a key of 128 bits, and of one of 256 bits with the share's number.
const LENGTHS: (usize, usize) = (16, 33);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters {
    key: String,
    reset: bool,
}

/// Reads a share in hexadecimal digits, or else in base64, since some texts are both.
fn decode(key: &str) -> Result<Vec<u8>, Refusal> {
    let (shortest, longest) = LENGTHS;
    match decode_hex(key) {
        Some(bytes) if (shortest..=longest).contains(&bytes.len()) => Ok(bytes),
        _ => STANDARD
            .decode(key)
            .map_err(|_| Refusal::bad_request("'key' must be a valid hex or base64 string")),
    }
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect()
}

impl Vault {
    /// Takes a share to one server's progress, and unseals it once there are enough.
    pub(super) fn unseal(&mut self, server: &str, seal: &str, body: &[u8]) -> Answer {
        let parameters: Parameters = parse(body)?;
        if parameters.reset {
            if !self.is_sealed(server) {
                return Err(Refusal::bad_request("vault is unsealed"));
            }
            self.servers.remove(server);
            return Ok(self.seal_status(server, seal));
        }
        if parameters.key.is_empty() {
            return Err(Refusal::bad_request(
                "'key' must be specified in request body as JSON, or 'reset' set to true",
            ));
        }
        let key = decode(&parameters.key)?;
        if !self.has_joined(server) {
            return Err(Refusal::bad_request("Vault is not initialized"));
        }
        let (shortest, longest) = LENGTHS;
        if key.len() < shortest {
            let error = format!("invalid key: key is shorter than minimum {shortest} bytes");
            return Err(Refusal::bad_request(error));
        }
        if key.len() > longest {
            let error = format!("invalid key: key is longer than maximum {longest} bytes");
            return Err(Refusal::bad_request(error));
        }
        if self.is_sealed(server) {
            self.take(server, Secret(STANDARD.encode(key)))?;
        }
        Ok(self.seal_status(server, seal))
    }

    /// A wrong share is noticed only when all are put together; the progress is lost with it.
    fn take(&mut self, server: &str, share: Secret) -> Result<(), Refusal> {
        let Some(made) = &mut self.initialization else { return Ok(()) };
        let process = self.servers.entry(server.to_owned()).or_default();
        if process.progress.contains(&share) {
            return Ok(());
        }
        process.progress.push(share);
        if process.progress.len() < made.threshold {
            return Ok(());
        }
        let given = std::mem::take(&mut process.progress);
        if !given.iter().all(|share| made.shares.contains(share)) {
            return Err(Refusal::bad_request(
                "unable to retrieve stored keys: invalid key: failed to decrypt keys from storage",
            ));
        }
        *process = Server { unsealed: true, progress: Vec::new() };
        made.joined = true;
        self.elect();
        Ok(())
    }
}
