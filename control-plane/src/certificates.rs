//! Certificates, as a control plane has them: an authority, and what it signs for servers and their clients.
//!
//! Whom a client's certificate names is who it is to RBAC: the common name is the user, the organisation a group.
//! See <https://kubernetes.io/docs/setup/best-practices/certificates/>.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, Error, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// A certificate and its private key, as PEM.
#[derive(Clone)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
}

/// An authority that signs certificates; its own is trusted where they are checked.
pub struct Authority {
    /// Its certificate, as PEM.
    pub certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority of this name.
    pub fn new(name: &str) -> Result<Self, Error> {
        let key = KeyPair::generate()?;
        let mut parameters = named(name, None)?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = parameters.self_signed(&key)?.pem();
        Ok(Self { certificate, issuer: Issuer::new(parameters, key) })
    }

    /// What a client shows who is `user`, and belongs to `group`.
    pub fn client(&self, user: &str, group: Option<&str>) -> Result<Pair, Error> {
        let mut parameters = named(user, group)?;
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(parameters)
    }

    /// What a server shows that is reached by these names and addresses.
    pub fn server(&self, name: &str, reached_by: &[&str]) -> Result<Pair, Error> {
        let mut parameters = named(name, None)?;
        parameters.subject_alt_names = alternative_names(reached_by)?;
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(parameters)
    }

    fn sign(&self, mut parameters: CertificateParams) -> Result<Pair, Error> {
        let key = KeyPair::generate()?;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.use_authority_key_identifier_extension = true;
        let certificate = parameters.signed_by(&key, &self.issuer)?.pem();
        Ok(Pair { certificate, key: key.serialize_pem() })
    }
}

/// The key pair that signs the tokens of service accounts: the private and the public half, as PEM.
pub(crate) fn signing_key() -> Result<(String, String), Error> {
    let key = KeyPair::generate()?;
    Ok((key.serialize_pem(), key.public_key_pem()))
}

fn named(name: &str, group: Option<&str>) -> Result<CertificateParams, Error> {
    let mut parameters = CertificateParams::new([])?;
    parameters.distinguished_name.push(DnType::CommonName, name);
    if let Some(group) = group {
        parameters.distinguished_name.push(DnType::OrganizationName, group);
    }
    Ok(parameters)
}

/// Addresses as addresses, everything else as names.
fn alternative_names(reached_by: &[&str]) -> Result<Vec<rcgen::SanType>, Error> {
    let names: Vec<String> = reached_by.iter().map(|name| (*name).to_owned()).collect();
    Ok(CertificateParams::new(names)?.subject_alt_names)
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine};

    use super::*;

    /// Whether a certificate has this text somewhere, which it has in plain letters.
    fn says(certificate: &str, text: &str) -> bool {
        let lines = certificate.lines().filter(|line| !line.starts_with("-----"));
        let bytes = BASE64_STANDARD.decode(lines.collect::<String>()).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }

    #[test]
    fn a_client_is_named_with_its_group() {
        let client = Authority::new("authority").unwrap().client("who", Some("whose")).unwrap();
        for text in ["authority", "who", "whose"] {
            assert!(says(&client.certificate, text), "{text}");
        }
    }

    #[test]
    fn a_server_is_named_with_all_it_is_reached_by() {
        let server =
            Authority::new("authority").unwrap().server("name", &["10.96.0.1", "a.example"]).unwrap();
        assert!(says(&server.certificate, "a.example"));
        // An address stands there as its bytes, not as its text.
        assert!(says(&server.certificate, "\u{a}\u{60}\u{0}\u{1}"));
        assert!(!says(&server.certificate, "10.96.0.1"));
    }
}
