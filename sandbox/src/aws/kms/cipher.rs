//! Encrypt and Decrypt, simulated: the ciphertext names its key and context and wraps the text in base64.
//!
//! It protects nothing and says so in its first bytes. What it keeps of the real thing: only the same key with the same
//! encryption context gets the text back, and only while the key is enabled.

use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use aws_sdk_kms::operation::decrypt::{DecryptInput, DecryptOutput};
use aws_sdk_kms::operation::encrypt::{EncryptInput, EncryptOutput};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{EncryptionAlgorithmSpec, KeyUsageType};

use super::{Key, alias, find, validation};
use crate::aws::{Answer, ApiError, Services, World};

/// Begins every simulated ciphertext.
const MARK: &[u8] = b"simulated-kms:";
/// Bytes that a symmetric key encrypts at most.
const LONGEST: usize = 4096;

#[derive(Serialize, Deserialize)]
struct Envelope {
    key: String,
    context: BTreeMap<String, String>,
    text: String,
}

pub(super) fn register(services: &mut Services) {
    services.on(encrypt).on(decrypt);
}

fn sorted(context: Option<&HashMap<String, String>>) -> BTreeMap<String, String> {
    context.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn check(key: &Key) -> Answer<()> {
    key.usable()?;
    if key.usage == KeyUsageType::EncryptDecrypt.as_str() {
        return Ok(());
    }
    Err(ApiError::new("InvalidKeyUsageException", format!("{} key usage is {}", key.arn, key.usage)))
}

fn encrypt(world: &mut World, input: &EncryptInput) -> Answer<EncryptOutput> {
    let text = input.plaintext().map(Blob::as_ref).unwrap_or_default();
    if text.is_empty() || text.len() > LONGEST {
        return Err(validation(format!("'plaintext' must have 1 to {LONGEST} bytes")));
    }
    alias::ensure_aws_key(world, input.key_id().unwrap_or_default());
    let key = find(world, input.key_id())?;
    check(key)?;
    let envelope = Envelope {
        key: key.arn.clone(),
        context: sorted(input.encryption_context()),
        text: STANDARD.encode(text),
    };
    let body = serde_json::to_vec(&envelope).map_err(|error| validation(error.to_string()))?;
    let ciphertext = [MARK, STANDARD.encode(body).as_bytes()].concat();
    Ok(EncryptOutput::builder()
        .ciphertext_blob(Blob::new(ciphertext))
        .key_id(&key.arn)
        .encryption_algorithm(EncryptionAlgorithmSpec::SymmetricDefault)
        .build())
}

fn open(ciphertext: &[u8]) -> Option<(Envelope, Vec<u8>)> {
    let body = STANDARD.decode(ciphertext.strip_prefix(MARK)?).ok()?;
    let envelope: Envelope = serde_json::from_slice(&body).ok()?;
    let text = STANDARD.decode(&envelope.text).ok()?;
    Some((envelope, text))
}

fn decrypt(world: &mut World, input: &DecryptInput) -> Answer<DecryptOutput> {
    let invalid =
        || ApiError::new("InvalidCiphertextException", "the ciphertext or its context is not valid");
    let ciphertext = input.ciphertext_blob().map(Blob::as_ref).unwrap_or_default();
    let (envelope, text) = open(ciphertext).ok_or_else(invalid)?;
    if envelope.context != sorted(input.encryption_context()) {
        return Err(invalid());
    }
    let key = find(world, Some(&envelope.key))?;
    if let Some(given) = input.key_id()
        && find(world, Some(given))?.arn != key.arn
    {
        return Err(ApiError::new(
            "IncorrectKeyException",
            "The key ID in the request does not identify a key that can perform this operation.",
        ));
    }
    check(key)?;
    Ok(DecryptOutput::builder()
        .key_id(&key.arn)
        .plaintext(Blob::new(text))
        .encryption_algorithm(EncryptionAlgorithmSpec::SymmetricDefault)
        .build())
}
