//! Texts and values as people read them: references to outputs and placeholders of credentials in place of their marks.
//!
//! Invariant: applied once. What is readable already is not told from other text.

use holodeck_engine::input;
use serde_json::Value;

use crate::secret;

/// The text with references and credentials readable, such as `(aws.kms_key.main:arn)` and `${secret:env:TOKEN}`.
pub fn text(text: &str) -> String {
    secret::readable(&input::readable(text))
}

/// The value with all its texts readable.
pub fn value(of: &Value) -> Value {
    match of {
        Value::String(string) => text(string).into(),
        Value::Array(items) => items.iter().map(value).collect(),
        Value::Object(fields) => fields.iter().map(|(name, field)| (name.clone(), value(field))).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use holodeck_engine::{Address, Input, Reference};
    use serde_json::json;

    use super::*;
    use crate::secret::{SecretReference, placeholder};

    #[test]
    fn marks_are_readable_wherever_they_stand() {
        let arn: Input<String> =
            Input::Output(Reference { address: Address::new("aws.kms_key", "main"), field: "arn".into() });
        let token = placeholder(&SecretReference::Env("TOKEN".into()));
        let marked = json!({"key": arn, "items": [format!("x:{token}"), 1, null]});
        assert_eq!(
            value(&marked),
            json!({"key": "(aws.kms_key.main:arn)", "items": ["x:${secret:env:TOKEN}", 1, null]})
        );
    }
}
