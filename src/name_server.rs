//! Records on a name server that takes dynamic updates (RFC 2136) signed by a key that both sides hold (TSIG, RFC 8945).
//!
//! Invariant: nothing is believed that the key has not signed, and no record set is changed that has no mark of ours.

mod client;
mod exchange;
mod failure;
mod mark;
pub mod record_set;
mod server_address;
#[cfg(test)]
mod tests;
mod update;

pub use client::{Access, NameServer, Now};
pub use exchange::{Exchange, Tcp};
pub use server_address::{NotAnAddress, ServerAddress};

/// A domain name.
pub type DomainName = domain::base::Name<Vec<u8>>;
/// What a record says.
type Data = domain::rdata::ZoneRecordData<Vec<u8>, DomainName>;
