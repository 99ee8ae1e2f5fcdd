//! Settings that Elastic Load Balancing keeps as pairs of texts, read by a request of their own.

use std::collections::BTreeMap;

/// The settings of one load balancer or target group.
pub struct Attributes(BTreeMap<String, String>);

impl Attributes {
    /// From keys and values as the service gives them.
    pub fn new(pairs: impl IntoIterator<Item = (Option<String>, Option<String>)>) -> Self {
        Self(pairs.into_iter().filter_map(|(key, value)| Some((key?, value?))).collect())
    }

    /// Whether `key` is switched on; what is absent is off.
    pub fn is_set(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|value| value == "true")
    }

    /// The number that `key` has; 0 where it has none.
    pub fn number(&self, key: &str) -> u32 {
        self.0.get(key).and_then(|value| value.parse().ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Attributes;

    #[test]
    fn what_is_absent_is_off() {
        let attributes = Attributes::new([
            (Some("on".to_owned()), Some("true".to_owned())),
            (Some("off".to_owned()), Some("false".to_owned())),
            (Some("delay".to_owned()), Some("300".to_owned())),
            (Some("empty".to_owned()), None),
        ]);
        let read = ["on", "off", "empty", "other"].map(|key| attributes.is_set(key));
        assert_eq!(read, [true, false, false, false]);
        assert_eq!(["delay", "other"].map(|key| attributes.number(key)), [300, 0]);
    }
}
