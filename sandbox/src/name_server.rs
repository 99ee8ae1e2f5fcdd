//! A name server that is authoritative for one zone and takes dynamic updates, at the level of its messages.
//!
//! Requests are answered only if they are signed by the zone's key (TSIG, RFC 8945); queries are answered out of the
//! zone (RFC 1034), updates carried out as a whole or not at all (RFC 2136). Transfers, other zones and other types than
//! addresses, texts and aliases are not offered.
//!
//! Invariant: nothing here reads a clock or keeps state outside [`Zones`].

mod data;
mod query;
#[cfg(test)]
mod tests;
mod update;
mod zone;

use domain::base::iana::{Opcode, Rcode, TsigRcode};
use domain::base::message_builder::{AdditionalBuilder, PushError};
use domain::base::name::ParsedName;
use domain::base::{Message, MessageBuilder, Name, Record};
use domain::rdata::ZoneRecordData;
use domain::rdata::tsig::{Time48, Tsig};
use domain::tsig::{Key, ServerError, ServerTransaction};
use jiff::Timestamp;

pub(crate) use zone::Zones;

/// A name as messages carry it.
type WireName = Name<Vec<u8>>;
/// A record as messages carry it.
type WireRecord = Record<WireName, ZoneRecordData<Vec<u8>, WireName>>;

/// A name server that was there before anybody asked for one.
#[derive(Clone, Debug)]
pub struct GivenNameServer {
    /// The zone that it is authoritative for.
    pub zone: WireName,
    /// The key by which requests must be signed.
    pub key: Key,
}

/// What is answered to a request.
struct Reply {
    rcode: Rcode,
    answers: Vec<WireRecord>,
    authority: Vec<WireRecord>,
}

impl Reply {
    fn only(rcode: Rcode) -> Self {
        Self { rcode, answers: Vec::new(), authority: Vec::new() }
    }
}

/// Whether a message asks for a change.
pub(crate) fn is_update(message: &[u8]) -> bool {
    Message::from_octets(message).is_ok_and(|message| message.header().opcode() == Opcode::UPDATE)
}

/// Answers one message at the instant `now`; with the code `fault`, where there is one, and without doing anything. `None`
/// to what is no message, or too long an answer.
pub(crate) fn serve(
    given: &GivenNameServer,
    zones: &mut Zones,
    now: Timestamp,
    message: &[u8],
    fault: Option<Rcode>,
) -> Option<Vec<u8>> {
    let now = Time48::from_u64(u64::try_from(now.as_second()).unwrap_or_default());
    let received = Message::from_octets(message.to_vec()).ok()?;
    let mut request = received.clone();
    let answer = match ServerTransaction::request(&given.key, &mut request, now) {
        Ok(Some(transaction)) => {
            let reply = fault.map(Reply::only).unwrap_or_else(|| reply(given, zones, &request));
            written(&request, &reply).and_then(|mut answer| {
                transaction.answer(&mut answer, now)?;
                Ok(answer)
            })
        }
        Ok(None) => written(&request, &Reply::only(Rcode::REFUSED)),
        Err(error) => unverified(&received, error),
    };
    Some(answer.ok()?.finish())
}

fn reply(given: &GivenNameServer, zones: &mut Zones, request: &Message<Vec<u8>>) -> Reply {
    let zone = zones.zone(&given.zone);
    let answered = match request.header().opcode() {
        Opcode::QUERY => query::answer(zone, &given.zone, request),
        Opcode::UPDATE => update::carry_out(zone, &given.zone, request).map(|()| Reply::only(Rcode::NOERROR)),
        _ => Err(Rcode::NOTIMP),
    };
    answered.unwrap_or_else(Reply::only)
}

fn written(request: &Message<Vec<u8>>, reply: &Reply) -> Result<AdditionalBuilder<Vec<u8>>, PushError> {
    let mut answer = MessageBuilder::new_vec().start_answer(request, reply.rcode)?;
    answer.header_mut().set_aa(matches!(reply.rcode, Rcode::NOERROR | Rcode::NXDOMAIN));
    for record in &reply.answers {
        answer.push(record)?;
    }
    let mut authority = answer.authority();
    for record in &reply.authority {
        authority.push(record)?;
    }
    Ok(authority.additional())
}

/// The answer to a request whose signature does not hold.
fn unverified(
    request: &Message<Vec<u8>>,
    error: ServerError<Key>,
) -> Result<AdditionalBuilder<Vec<u8>>, PushError> {
    let signature = request.get_last_additional::<Tsig<_, ParsedName<_>>>();
    match signature {
        // The library calls a wrong signature a malformed message, RFC 8945 (section 5.2.2) a bad one.
        Some(signature) if error.error() == TsigRcode::FORMERR => {
            let mut answer = MessageBuilder::new_vec().start_answer(request, Rcode::NOTAUTH)?.additional();
            let data = signature.data();
            let id = request.header().id();
            let bad = Tsig::new(
                data.algorithm(),
                data.time_signed(),
                data.fudge(),
                b"",
                id,
                TsigRcode::BADSIG,
                b"",
            );
            if let Ok(bad) = bad {
                answer.push((signature.owner(), signature.class(), signature.ttl(), bad))?;
            }
            Ok(answer)
        }
        _ => error.build_message(request, MessageBuilder::new_vec()),
    }
}
