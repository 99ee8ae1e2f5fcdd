//! What a record says: the types that are kept, and how messages carry them.

use std::net::Ipv4Addr;

use domain::base::CharStr;
use domain::base::iana::{Rcode, Rtype};
use domain::base::name::FlattenInto;
use domain::base::record::ParsedRecord;
use domain::rdata::rfc1035::TxtBuilder;
use domain::rdata::{A, Cname, ZoneRecordData};
use serde::{Deserialize, Serialize};

use super::WireName;

/// The data of a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Data {
    /// An address.
    A(Ipv4Addr),
    /// Another name to look at instead.
    #[serde(rename = "CNAME")]
    Alias(String),
    /// Texts.
    #[serde(rename = "TXT")]
    Texts(Vec<String>),
}

impl Data {
    /// The data of a record in a message; `NOTIMP` for types that are not kept, `FORMERR` for what is none.
    pub fn read(record: &ParsedRecord<'_, Vec<u8>>) -> Result<Self, Rcode> {
        let parsed = record.to_record::<ZoneRecordData<_, _>>().map_err(|_| Rcode::FORMERR)?;
        match parsed.ok_or(Rcode::NOTIMP)?.into_data() {
            ZoneRecordData::A(address) => Ok(Self::A(address.addr())),
            ZoneRecordData::Cname(alias) => {
                let name: WireName = alias.into_cname().try_flatten_into().map_err(|_| Rcode::FORMERR)?;
                Ok(Self::Alias(name.to_string()))
            }
            ZoneRecordData::Txt(texts) => {
                let texts = texts.iter().map(|text| String::from_utf8(text.to_vec()));
                Ok(Self::Texts(texts.collect::<Result<_, _>>().map_err(|_| Rcode::NOTIMP)?))
            }
            _ => Err(Rcode::NOTIMP),
        }
    }

    /// The same as messages carry it.
    pub fn wire(&self) -> Result<ZoneRecordData<Vec<u8>, WireName>, Rcode> {
        Ok(match self {
            Self::A(address) => A::new(*address).into(),
            Self::Alias(name) => Cname::new(name.parse::<WireName>().map_err(|_| Rcode::SERVFAIL)?).into(),
            Self::Texts(texts) => {
                let mut builder = TxtBuilder::<Vec<u8>>::new();
                for text in texts {
                    let text = CharStr::from_slice(text.as_bytes()).map_err(|_| Rcode::SERVFAIL)?;
                    builder.append_charstr(text).map_err(|_| Rcode::SERVFAIL)?;
                }
                builder.finish().map_err(|_| Rcode::SERVFAIL)?.into()
            }
        })
    }

    /// The type of records with such data.
    pub fn kind(&self) -> Rtype {
        match self {
            Self::A(_) => Rtype::A,
            Self::Alias(_) => Rtype::CNAME,
            Self::Texts(_) => Rtype::TXT,
        }
    }
}
