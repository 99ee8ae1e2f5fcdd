//! Why a name server did not do what it was asked for, in words, with what helps.
//!
//! Codes: RFC 1035 (section 4.1.1), RFC 2136 (section 2.2), RFC 8945 (section 3).

use std::io;

use domain::base::iana::Rcode;
use domain::base::message_builder::PushError;
use domain::tsig::ValidationError;
use holodeck_engine::{Class, Error};
use jiff::Timestamp;

use super::NameServer;

/// Why there is no answer, or none that helps.
#[derive(Debug)]
pub(super) enum Failure {
    /// The request does not fit into a message.
    TooLong(PushError),
    /// The request or its answer was lost on the way.
    Lost(io::Error),
    /// What came is no answer to the request.
    Garbled,
    /// The signature of the request or of its answer does not hold.
    Unverified(ValidationError),
    /// The server refused, by this code.
    Refused(Rcode),
    /// The server does not answer for the name.
    NotAuthoritative,
}

/// What was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// To tell something.
    Query,
    /// To change something.
    Update,
}

impl Asked {
    /// The class of an error that leaves open what was done.
    fn unclear(self) -> Class {
        match self {
            Self::Query => Class::NotYet,
            Self::Update => Class::Ambiguous,
        }
    }
}

impl Failure {
    /// The error of a request to `server`; `tried` says what it was about.
    pub fn explained(self, server: &NameServer, asked: Asked, tried: &str) -> Error {
        let (zone, key) = (&server.zone, server.key_name());
        let (class, why, hint) = match self {
            Self::TooLong(error) => (Class::Bug, format!("no message can hold the request: {error}"), None),
            Self::Lost(error) => (asked.unclear(), lost(&error), None),
            Self::Garbled => (asked.unclear(), "what came back is no answer to it".to_owned(), None),
            Self::NotAuthoritative => (
                Class::Refused,
                "the server does not answer for this name with authority".to_owned(),
                Some(format!("name the primary server of zone `{zone}` in `provider.dns.server`")),
            ),
            Self::Unverified(error) => {
                let (class, why, hint) = unverified(error, asked, &key);
                (class, why, Some(hint))
            }
            Self::Refused(code) => refused(code, asked, zone, &key),
        };
        let message = format!("{tried} in zone `{zone}` on name server `{}`", server.address);
        let error = Error::new(class, message).with_source(why);
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

fn lost(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut => "no answer came in time".to_owned(),
        _ => format!("no answer came: {error}"),
    }
}

fn refused(
    code: Rcode,
    asked: Asked,
    zone: &impl std::fmt::Display,
    key: &str,
) -> (Class, String, Option<String>) {
    let (class, why, hint) = match code {
        Rcode::FORMERR => (Class::Failed, "the server does not understand the request", None),
        Rcode::SERVFAIL => (
            asked.unclear(),
            "the server failed",
            Some("its log tells why; often it cannot write the zone's files".to_owned()),
        ),
        Rcode::NOTIMP => (
            Class::Refused,
            "the server does not take dynamic updates",
            Some("set `provider.dns.kind = \"manual\"`, or name a server that does".to_owned()),
        ),
        Rcode::REFUSED => (
            Class::Denied,
            "the server does not allow it to this key",
            Some(format!(
                "let the zone's update policy allow the key `{key}` to change addresses (A) of the domain and below, and \
                 texts (TXT) there and at the mark of the environment"
            )),
        ),
        Rcode::NOTAUTH => (
            Class::Refused,
            "the server has no such zone, or no right to change it",
            Some(format!(
                "correct `provider.dns.zone`, or name the primary server of `{zone}` in `provider.dns.server`"
            )),
        ),
        Rcode::NOTZONE => (
            Class::Refused,
            "the name is not in the zone",
            Some("set `provider.dns.zone` to the zone that the domain is in".to_owned()),
        ),
        Rcode::YXDOMAIN | Rcode::YXRRSET => (
            Class::Conflict,
            "such records, or an alias (CNAME), are there already",
            Some("this environment does not own them: remove them, or choose another `domain`".to_owned()),
        ),
        Rcode::NXDOMAIN | Rcode::NXRRSET => {
            (Class::NotYet, "the marks of the environment have changed meanwhile", None)
        }
        _ => (Class::Failed, "the server refused it by a code that is not known here", None),
    };
    (class, format!("{why} ({code})"), hint)
}

fn unverified(error: ValidationError, asked: Asked, key: &str) -> (Class, String, String) {
    match error {
        ValidationError::ServerBadKey | ValidationError::BadKey | ValidationError::BadAlg => (
            Class::Denied,
            format!("the server does not know the key `{key}` with this algorithm (BADKEY)"),
            "compare `provider.dns.key` with the key's name and algorithm on the server".to_owned(),
        ),
        ValidationError::ServerBadSig => (
            Class::Denied,
            format!("the server's secret of the key `{key}` is another one (BADSIG)"),
            "compare the secret that `provider.dns.key.secret` names with the server's".to_owned(),
        ),
        ValidationError::ServerBadTime { client, server } => (
            Class::Denied,
            format!(
                "the clocks differ: it is {} here and {} on the server (BADTIME)",
                moment(client.into()),
                moment(server.into())
            ),
            "set both clocks by NTP: they may differ by five minutes at most".to_owned(),
        ),
        ValidationError::BadTime => (
            Class::Denied,
            "the answer was signed at another time than it is here".to_owned(),
            "set both clocks by NTP: they may differ by five minutes at most".to_owned(),
        ),
        // Who sent it is not known, nor whether the server did anything.
        _ => (
            match asked {
                Asked::Query => Class::Denied,
                Asked::Update => Class::Ambiguous,
            },
            format!("the answer is not signed by the key `{key}`, so it is not believed: {error}"),
            "see whether `provider.dns.server` leads to the server itself, and not to one in between"
                .to_owned(),
        ),
    }
}

fn moment(seconds: u64) -> String {
    let moment = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    moment.map_or_else(|| format!("second {seconds}"), |moment| moment.to_string())
}
