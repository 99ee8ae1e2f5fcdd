//! Certificates of authorities, as PEM: what a TLS server's own certificate is verified against.

use std::io;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// The authorities in a PEM text, of which there may be none.
///
/// # Errors
/// A block is damaged, or is no certificate that could sign another.
pub fn from_pem(text: &[u8]) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text) {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    Ok(roots)
}
