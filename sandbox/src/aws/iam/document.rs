//! Policy documents: what IAM checks when it takes one, how it hands one back, and whom a trust policy trusts.
//!
//! Grammar: IAM User Guide, "Grammar of the IAM JSON policy language". Documents come back percent-encoded (RFC 3986).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::aws::{Answer, ApiError};

/// All but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A document as the API returns it.
pub(super) fn encoded(document: &str) -> String {
    utf8_percent_encode(document, RESERVED).to_string()
}

/// Checks a trust policy: each statement names a principal and an action, and no resource.
pub(super) fn check_trust(document: &str) -> Answer<()> {
    for statement in statements(document)? {
        if one_of(&statement, &["Principal", "NotPrincipal"]).is_none() {
            return Err(malformed("Missing required field Principal"));
        }
        if one_of(&statement, &["Resource", "NotResource"]).is_some() {
            return Err(malformed("Has prohibited field Resource"));
        }
    }
    Ok(())
}

/// Checks a permissions policy: each statement names an action and a resource, and no principal.
pub(super) fn check_permissions(document: &str) -> Answer<()> {
    for statement in statements(document)? {
        if one_of(&statement, &["Principal", "NotPrincipal"]).is_some() {
            return Err(malformed("Policy document should not specify a principal."));
        }
        if one_of(&statement, &["Resource", "NotResource"]).is_none() {
            return Err(malformed("Policy statement must contain resources."));
        }
    }
    Ok(())
}

/// The principals of kind `AWS` that a policy of any kind names.
pub(super) fn aws_principals(document: &str) -> Vec<String> {
    let statements = statements(document).unwrap_or_default();
    statements.iter().flat_map(|statement| strings(&statement["Principal"]["AWS"])).collect()
}

/// Whether a trust policy allows `service` to assume the role.
pub(super) fn trusts(document: &str, service: &str) -> bool {
    statements(document).unwrap_or_default().iter().any(|statement| {
        statement["Effect"] == "Allow"
            && strings(&statement["Principal"]["Service"]).iter().any(|principal| principal == service)
            && strings(&statement["Action"])
                .iter()
                .any(|action| ["sts:AssumeRole", "sts:*", "*"].contains(&action.as_str()))
    })
}

/// The length that counts towards quotas: white space is free.
pub(super) fn counted_length(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}

/// The statements of a document whose form is right, whatever kind of policy it is.
fn statements(document: &str) -> Answer<Vec<Value>> {
    let policy: Value =
        serde_json::from_str(document).map_err(|_| malformed("This policy contains invalid Json"))?;
    if let Some(version) = policy.get("Version")
        && version != "2012-10-17"
        && version != "2008-10-17"
    {
        return Err(malformed("The policy must contain a valid version string"));
    }
    let statements = match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.clone(),
        Some(statement @ Value::Object(_)) => vec![statement.clone()],
        _ => return Err(malformed("Syntax errors in policy.")),
    };
    for statement in &statements {
        let effect = statement.get("Effect");
        if effect.is_none_or(|effect| effect != "Allow" && effect != "Deny") {
            return Err(malformed("Syntax errors in policy: Effect must be Allow or Deny."));
        }
        let Some(action) = one_of(statement, &["Action", "NotAction"]) else {
            return Err(malformed("Policy statement must contain actions."));
        };
        let actions = strings(action);
        if actions.is_empty() || actions.iter().any(|action| action != "*" && !action.contains(':')) {
            return Err(malformed(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
            ));
        }
    }
    if statements.is_empty() {
        return Err(malformed("Syntax errors in policy: there is no statement."));
    }
    Ok(statements)
}

fn one_of<'a>(statement: &'a Value, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().find_map(|key| statement.get(key))
}

/// A string, or a list of strings, as the grammar allows almost everywhere.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) => many.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}

fn malformed(message: &str) -> ApiError {
    ApiError::new("MalformedPolicyDocument", message)
}
