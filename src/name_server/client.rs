//! The client of one zone on a name server: queries and updates, all signed.

use std::sync::Arc;

use domain::base::iana::{Class, Rcode, Rtype, TsigRcode};
use domain::base::message_builder::AdditionalBuilder;
use domain::base::name::{FlattenInto, ParsedName, ToName};
use domain::base::{Message, MessageBuilder};
use domain::rdata::ZoneRecordData;
use domain::rdata::tsig::{Time48, Tsig};
use domain::tsig::{ClientTransaction, Key, ValidationError};
use holodeck_engine::{Class as ErrorClass, Error};
use jiff::Timestamp;

use super::failure::{Asked, Failure};
use super::update::Update;
use super::{Data, DomainName, Exchange, ServerAddress};

/// The present moment, by which messages are signed.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What gives access to a zone.
pub struct Access {
    /// The server, as it is shown.
    pub address: ServerAddress,
    /// The zone.
    pub zone: DomainName,
    /// The key that signs.
    pub key: Key,
    /// What carries messages to the server.
    pub exchange: Arc<dyn Exchange>,
    /// The clock.
    pub now: Now,
}

/// One zone on a name server, as one environment sees it.
pub struct NameServer {
    /// The environment whose record sets are ours.
    pub environment: String,
    /// The server, as it is shown.
    pub address: ServerAddress,
    /// The zone.
    pub zone: DomainName,
    key: Arc<Key>,
    exchange: Arc<dyn Exchange>,
    now: Now,
}

impl NameServer {
    /// The zone as `environment` sees it.
    pub fn new(environment: &str, access: Access) -> Self {
        let Access { address, zone, key, exchange, now } = access;
        Self { environment: environment.to_owned(), address, zone, key: Arc::new(key), exchange, now }
    }

    /// Refuses a zone that the server does not keep `domain` in.
    pub async fn check(&self, domain: &DomainName) -> Result<(), Error> {
        let tried = format!("looking for the domain `{domain}`");
        let answer = self.query(domain, Rtype::SOA, &tried).await?;
        let garbled = |_| Failure::Garbled.explained(self, Asked::Query, &tried);
        let mut records = answer.answer().map_err(garbled)?.chain(answer.authority().map_err(garbled)?);
        let found = records.find_map(|record| {
            let record = record.ok()?;
            (record.rtype() == Rtype::SOA).then(|| record.owner().to_vec())
        });
        match found {
            Some(zone) if zone == self.zone => Ok(()),
            Some(zone) => {
                let message = format!(
                    "name server `{}` keeps `{domain}` in zone `{zone}`, not in `{}`",
                    self.address, self.zone
                );
                Err(Error::new(ErrorClass::Refused, message)
                    .with_hint(format!("set `provider.dns.zone = \"{zone}\"`")))
            }
            None => Err(Failure::NotAuthoritative.explained(self, Asked::Query, &tried)),
        }
    }

    /// The records of type `kind` under `name`, each with the seconds that it may be cached.
    pub(super) async fn records(&self, name: &DomainName, kind: Rtype) -> Result<Vec<(u32, Data)>, Error> {
        let tried = format!("asking for `{name}` ({kind})");
        let answer = self.query(name, kind, &tried).await?;
        let read = || {
            let mut found = Vec::new();
            for record in answer.answer()?.limit_to_in::<ZoneRecordData<_, _>>() {
                let record = record?;
                // An alias is followed by what it leads to, which is not under this name.
                if record.rtype() == kind && record.owner() == name {
                    found.push((record.ttl().as_secs(), record.into_data().flatten_into()));
                }
            }
            Ok::<_, domain::base::wire::ParseError>(found)
        };
        read().map_err(|_| Failure::Garbled.explained(self, Asked::Query, &tried))
    }

    /// Sends an update; `tried` says what it is about.
    pub(super) async fn update(&self, update: &Update, tried: &str) -> Result<(), Error> {
        let send =
            async || match self.ask(update.message().map_err(Failure::TooLong)?).await?.header().rcode() {
                Rcode::NOERROR => Ok(()),
                code => Err(Failure::Refused(code)),
            };
        send().await.map_err(|failure| failure.explained(self, Asked::Update, tried))
    }

    /// The name that `text` spells.
    pub(super) fn name(&self, text: &str) -> Result<DomainName, Error> {
        text.parse().map_err(|error: domain::base::name::FromStrError| {
            Error::new(ErrorClass::Refused, format!("`{text}` is no domain name"))
                .with_source(error.to_string())
        })
    }

    /// The name of the key, as the server knows it.
    pub(super) fn key_name(&self) -> String {
        self.key.name().to_string()
    }

    async fn query(&self, name: &DomainName, kind: Rtype, tried: &str) -> Result<Message<Vec<u8>>, Error> {
        let ask = async || {
            let mut question = MessageBuilder::new_vec().question();
            question.push((name, kind, Class::IN)).map_err(Failure::TooLong)?;
            let answer = self.ask(question.additional()).await?;
            match (answer.header().rcode(), answer.header().aa()) {
                (Rcode::NOERROR | Rcode::NXDOMAIN, true) => Ok(answer),
                (Rcode::NOERROR | Rcode::NXDOMAIN, false) => Err(Failure::NotAuthoritative),
                (code, _) => Err(Failure::Refused(code)),
            }
        };
        ask().await.map_err(|failure: Failure| failure.explained(self, Asked::Query, tried))
    }

    /// Signs a request, sends it, and gives its answer if that is signed as well. An error code is taken from an unsigned
    /// answer, too: a server that cannot verify a request cannot sign its answer either.
    async fn ask(&self, mut request: AdditionalBuilder<Vec<u8>>) -> Result<Message<Vec<u8>>, Failure> {
        request.header_mut().set_random_id();
        let id = request.header().id();
        let transaction = ClientTransaction::request(self.key.clone(), &mut request, self.time());
        let transaction = transaction.map_err(Failure::TooLong)?;
        let answer = self.exchange.exchange(request.as_slice()).await.map_err(Failure::Lost)?;
        let mut answer = Message::from_octets(answer).map_err(|_| Failure::Garbled)?;
        if !answer.header().qr() || answer.header().id() != id {
            return Err(Failure::Garbled);
        }
        let code = answer.header().rcode();
        let objection = objection(&answer);
        match transaction.answer(&mut answer, self.time()) {
            Ok(()) => Ok(answer),
            Err(ValidationError::ServerUnsigned) if !matches!(code, Rcode::NOERROR | Rcode::NXDOMAIN) => {
                Err(Failure::Refused(code))
            }
            Err(error) => Err(Failure::Unverified(objection.unwrap_or(error))),
        }
    }

    fn time(&self) -> Time48 {
        Time48::from_u64(u64::try_from((self.now)().as_second()).unwrap_or_default())
    }
}

/// What the server says against the signature of the request. It is told even where the answer itself cannot be verified,
/// as that of BIND about the time cannot: it is an error in any case, and says what to do.
fn objection(answer: &Message<Vec<u8>>) -> Option<ValidationError> {
    let signature = answer.get_last_additional::<Tsig<_, ParsedName<_>>>()?;
    let signature = signature.data();
    match signature.error() {
        TsigRcode::BADKEY => Some(ValidationError::ServerBadKey),
        TsigRcode::BADSIG => Some(ValidationError::ServerBadSig),
        TsigRcode::BADTIME => {
            let (client, server) = (signature.time_signed(), signature.other_time()?);
            Some(ValidationError::ServerBadTime { client, server })
        }
        _ => None,
    }
}
