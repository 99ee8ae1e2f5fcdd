//! The marks by which record sets, which have no tags, are known as ours.
//!
//! All marks of an environment in a zone are one set of TXT records under `_holodeck-ENVIRONMENT.ZONE`, each of three texts:
//! the name that the record set has in addresses, its type, and its domain name. So one query finds everything that is
//! ours, also what is no longer wanted, and no transfer of the zone is needed. A mark is made and removed in the same
//! update as its record set. Other texts under that name are not ours and stay.

use domain::base::CharStr;
use domain::base::iana::Rtype;
use domain::rdata::rfc1035::TxtBuilder;
use holodeck_engine::Error;

use super::update::Update;
use super::{Data, DomainName, NameServer};

/// Seconds that a mark may be cached. We ask the server of the zone itself, so it matters to nobody.
const TTL_SECONDS: u32 = 300;
/// The type of the record sets.
const KIND: &str = "A";

/// What a mark tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The name that the record set has in addresses.
    pub name: String,
    /// Its domain name.
    pub record: DomainName,
}

impl Mark {
    fn data(&self) -> Result<Data, Error> {
        let build = || {
            let mut texts = TxtBuilder::<Vec<u8>>::new();
            for text in [&*self.name, KIND, &self.record.to_string()] {
                texts.append_charstr(CharStr::from_slice(text.as_bytes()).ok()?).ok()?;
            }
            texts.finish().ok()
        };
        let texts =
            build().ok_or_else(|| Error::bug(format!("the mark of `{}` is too long", self.record)))?;
        Ok(texts.into())
    }

    fn read(data: &Data) -> Option<Self> {
        let Data::Txt(texts) = data else { return None };
        let texts: Vec<&str> = texts.iter().map(str::from_utf8).collect::<Result<_, _>>().ok()?;
        let [name, KIND, record] = texts.as_slice() else { return None };
        Some(Self { name: (*name).to_owned(), record: record.parse().ok()? })
    }
}

/// All marks of our environment, as they are at one moment.
pub(super) struct Marks {
    place: DomainName,
    texts: Vec<Data>,
}

impl Marks {
    /// Asks the server for them.
    pub async fn read(server: &NameServer) -> Result<Self, Error> {
        let place = place(server)?;
        let records = server.records(&place, Rtype::TXT).await?;
        Ok(Self { place, texts: records.into_iter().map(|(_, texts)| texts).collect() })
    }

    /// What they tell.
    pub fn iter(&self) -> impl Iterator<Item = Mark> {
        self.texts.iter().filter_map(Mark::read)
    }

    /// An update that is made only as long as they are as they are now.
    pub fn as_long_as_they_stand(&self, server: &NameServer) -> Update {
        Update::of(&server.zone).if_exactly(&self.place, Rtype::TXT, self.texts.clone())
    }
}

/// The name that the marks of our environment stand under.
pub(super) fn place(server: &NameServer) -> Result<DomainName, Error> {
    server.name(&format!("_holodeck-{}.{}", server.environment, server.zone))
}

impl Update {
    /// Adds a mark.
    pub fn mark(self, server: &NameServer, mark: &Mark) -> Result<Self, Error> {
        Ok(self.add(&place(server)?, TTL_SECONDS, mark.data()?))
    }

    /// Removes a mark.
    pub fn unmark(self, server: &NameServer, mark: &Mark) -> Result<Self, Error> {
        Ok(self.remove(&place(server)?, mark.data()?))
    }
}
