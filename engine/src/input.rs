//! Values that are known, or are the output of another resource.
//!
//! A reference is written into the serialised desired value as a marker: private-use characters around the address and
//! the output's name. The engine finds dependencies, resolves them and shows what is unknown by walking the serialised
//! value, so that typed attributes, manifests and interpolated strings all carry references in the same way.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::address::Address;

const OPEN: char = '\u{E000}';
const NAME: char = '\u{E001}';
const FIELD: char = '\u{E002}';
const CLOSE: char = '\u{E003}';

/// The output `field` of the resource at `address`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The resource whose output it is.
    pub address: Address,
    /// The name of the output, a top-level field of [`Resource::Outputs`](crate::Resource::Outputs).
    pub field: String,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Address { kind, name } = &self.address;
        write!(f, "{OPEN}{kind}{NAME}{name}{FIELD}{}{CLOSE}", self.field)
    }
}

impl Reference {
    /// For people: `aws.vpc.main:id`.
    pub fn readable(&self) -> String {
        format!("{}:{}", self.address, self.field)
    }

    fn parse(marker: &str) -> Option<Self> {
        let (kind, rest) = marker.split_once(NAME)?;
        let (name, field) = rest.split_once(FIELD)?;
        Some(Self { address: Address::new(kind, name), field: field.to_owned() })
    }
}

/// The name and type of an output of the resource kind `R`, declared by the kind as a constant.
pub struct Output<R, T> {
    field: &'static str,
    types: PhantomData<fn(R) -> T>,
}

impl<R, T> Output<R, T> {
    /// The output named `field`, a top-level field of the kind's outputs.
    pub const fn new(field: &'static str) -> Self {
        Self { field, types: PhantomData }
    }

    /// The field's name.
    pub fn field(&self) -> &'static str {
        self.field
    }
}

/// A value of a desired attribute: known, or an output of another resource.
///
/// Displayed, an output is its marker, so that `format!("{vpc_id}/x")` carries the reference along.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input<T> {
    /// The value itself.
    Known(T),
    /// What another resource will have put out.
    Output(Reference),
}

impl<T> Input<T> {
    /// The value where it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Output(_) => None,
        }
    }

    /// The value, or an error that names the reference which should have been resolved by now.
    pub fn get(&self) -> Result<&T, crate::Error> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Output(reference) => {
                Err(crate::Error::bug(format!("`{}` is not resolved", reference.readable())))
            }
        }
    }
}

impl<T> From<T> for Input<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl From<&str> for Input<String> {
    fn from(value: &str) -> Self {
        Self::Known(value.to_owned())
    }
}

impl<T: fmt::Display> fmt::Display for Input<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => value.fmt(f),
            Self::Output(reference) => reference.fmt(f),
        }
    }
}

impl<T: Serialize> Serialize for Input<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(value) => value.serialize(serializer),
            Self::Output(reference) => serializer.collect_str(reference),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Input<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if let Some(reference) = value.as_str().and_then(whole_reference) {
            return Ok(Self::Output(reference));
        }
        T::deserialize(value).map(Self::Known).map_err(D::Error::custom)
    }
}

/// A piece of a text: literal, or a reference.
enum Piece<'a> {
    Literal(&'a str),
    Reference(Reference),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(OPEN) {
        let after = &rest[start + OPEN.len_utf8()..];
        let parsed = after.find(CLOSE).and_then(|end| Some((end, Reference::parse(&after[..end])?)));
        let Some((end, reference)) = parsed else { break };
        if start > 0 {
            pieces.push(Piece::Literal(&rest[..start]));
        }
        pieces.push(Piece::Reference(reference));
        rest = &after[end + CLOSE.len_utf8()..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest));
    }
    pieces
}

fn whole_reference(text: &str) -> Option<Reference> {
    match pieces(text).as_slice() {
        [Piece::Reference(reference)] => Some(reference.clone()),
        _ => None,
    }
}

/// Calls `found` with each reference in `value`, keys excepted.
pub fn visit_references(value: &Value, found: &mut impl FnMut(Reference)) {
    match value {
        Value::String(text) => {
            for piece in pieces(text) {
                if let Piece::Reference(reference) = piece {
                    found(reference);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| visit_references(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| visit_references(field, found)),
        _ => {}
    }
}

/// Whether some reference in `value` is not resolved.
pub fn is_unresolved(value: &Value) -> bool {
    let mut any = false;
    visit_references(value, &mut |_| any = true);
    any
}

/// `value` with the references replaced that `lookup` knows. A string that is one reference takes the output's type;
/// within a longer string the output is written as text. The others stay as they are.
pub fn resolve(value: &Value, lookup: &impl Fn(&Reference) -> Option<Value>) -> Value {
    match value {
        Value::String(text) if text.contains(OPEN) => resolve_text(text, lookup),
        Value::Array(items) => items.iter().map(|item| resolve(item, lookup)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, field)| (key.clone(), resolve(field, lookup))).collect()
        }
        other => other.clone(),
    }
}

fn resolve_text(text: &str, lookup: &impl Fn(&Reference) -> Option<Value>) -> Value {
    if let Some(reference) = whole_reference(text) {
        return lookup(&reference).unwrap_or_else(|| Value::String(text.to_owned()));
    }
    let mut out = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Literal(literal) => out.push_str(literal),
            Piece::Reference(reference) => match lookup(&reference) {
                Some(Value::String(value)) => out.push_str(&value),
                Some(value) => out.push_str(&value.to_string()),
                None => out.push_str(&reference.to_string()),
            },
        }
    }
    Value::String(out)
}

/// `text` with each unresolved reference written for people, such as `(aws.vpc.main:id)`.
pub fn readable(text: &str) -> String {
    pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Literal(literal) => literal.to_owned(),
            Piece::Reference(reference) => format!("({})", reference.readable()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reference() -> Reference {
        Reference { address: Address::new("cloud.network", "main.a"), field: "id".into() }
    }

    #[test]
    fn an_input_survives_serialisation() {
        let unknown: Input<String> = Input::Output(reference());
        let number: Input<u16> = Input::Known(7);
        assert_eq!(
            serde_json::from_value::<Input<String>>(serde_json::to_value(&unknown).unwrap()).unwrap(),
            unknown
        );
        assert_eq!(
            serde_json::from_value::<Input<u16>>(serde_json::to_value(&number).unwrap()).unwrap(),
            number
        );
    }

    #[test]
    fn a_whole_reference_takes_the_outputs_type_and_an_interpolated_one_its_text() {
        let id: Input<String> = Input::Output(reference());
        let desired = json!({"port": id, "text": [format!("<{id}>")], "plain": "x"});
        let resolved = resolve(&desired, &|asked| (*asked == reference()).then(|| json!(80)));
        assert_eq!(resolved, json!({"port": 80, "text": ["<80>"], "plain": "x"}));
    }

    #[test]
    fn what_is_not_known_stays_a_reference() {
        let desired = json!([format!("a{}b{}", reference(), reference())]);
        assert_eq!(resolve(&desired, &|_| None), desired);
        let mut found = Vec::new();
        visit_references(&desired, &mut |reference| found.push(reference));
        assert_eq!(found, [reference(), reference()]);
        assert_eq!(
            readable(desired[0].as_str().unwrap()),
            "a(cloud.network.main.a:id)b(cloud.network.main.a:id)"
        );
    }
}
