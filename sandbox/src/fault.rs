//! Faults on demand: which request goes wrong, when, and how.
//!
//! As text, a rule is `OPERATION:ACTION[@N]`: the Nth request of that operation (every one without `@N`) fails with an
//! error code, is throttled, is delayed, loses its answer, or stops the process. `*` stands for any changing operation.
//! Operations are those of the AWS API (`CreateVpc`), for Kubernetes the verb and the plural (`PATCH deployments`), for
//! Vault the verb and the path (`PUT sys/init`), and for the name server `QUERY` and `UPDATE`.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The request is refused with this error code and nothing is done.
    Fail(String),
    /// The request is refused for coming too fast, and nothing is done.
    Throttle,
    /// The request takes this much longer, in virtual time.
    Delay(Duration),
    /// The request is carried out, and its answer is lost.
    LoseAnswer,
    /// The process stops before the request is carried out.
    StopBefore,
    /// The process stops after the request is carried out, before its answer.
    StopAfter,
}

/// A rule: which requests go wrong, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The operation's name, or `*` for any that changes something.
    pub operation: String,
    /// Which of these requests, counted from 1; without it every one.
    pub occurrence: Option<usize>,
    /// What goes wrong.
    pub action: Action,
}

/// Why a rule could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no fault: write OPERATION:ACTION[@N], with an action among fail=CODE, throttle, delay=SECONDS, \
     lose-answer, stop-before and stop-after"
)]
pub struct InvalidRule(String);

impl FromStr for Rule {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let invalid = || InvalidRule(text.to_owned());
        let (operation, rest) = text.split_once(':').ok_or_else(invalid)?;
        let (action, occurrence) = match rest.split_once('@') {
            Some((action, occurrence)) => {
                let occurrence = occurrence.parse().ok().filter(|&n| n > 0);
                (action, Some(occurrence.ok_or_else(invalid)?))
            }
            None => (rest, None),
        };
        let action = match action.split_once('=') {
            Some(("fail", code)) if !code.is_empty() => Action::Fail(code.to_owned()),
            Some(("delay", seconds)) => {
                let seconds: f64 = seconds.parse().map_err(|_| invalid())?;
                Action::Delay(Duration::try_from_secs_f64(seconds).map_err(|_| invalid())?)
            }
            None if action == "throttle" => Action::Throttle,
            None if action == "lose-answer" => Action::LoseAnswer,
            None if action == "stop-before" => Action::StopBefore,
            None if action == "stop-after" => Action::StopAfter,
            _ => return Err(invalid()),
        };
        if operation.is_empty() {
            return Err(invalid());
        }
        Ok(Self { operation: operation.to_owned(), occurrence, action })
    }
}

/// The rules of one sandbox, and how many requests each has seen.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Vec<Rule>,
    seen: Mutex<BTreeMap<usize, usize>>,
}

impl Faults {
    /// Faults by these rules; the first that applies counts.
    pub fn new(rules: Vec<Rule>) -> Self {
        Self { rules, seen: Mutex::default() }
    }

    /// What goes wrong with this request, if anything. Counts the request.
    pub fn strike(&self, operation: &str, changes_something: bool) -> Option<Action> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut action = None;
        for (index, rule) in self.rules.iter().enumerate() {
            if rule.operation != operation && !(rule.operation == "*" && changes_something) {
                continue;
            }
            let count = seen.entry(index).or_default();
            *count += 1;
            if action.is_none() && rule.occurrence.is_none_or(|occurrence| occurrence == *count) {
                action = Some(rule.action.clone());
            }
        }
        action
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_from_text() {
        let rule = |text: &str| text.parse::<Rule>();
        assert_eq!(
            rule("CreateVpc:fail=VpcLimitExceeded@2"),
            Ok(Rule {
                operation: "CreateVpc".into(),
                occurrence: Some(2),
                action: Action::Fail("VpcLimitExceeded".into())
            })
        );
        assert_eq!(rule("*:delay=1.5").unwrap().action, Action::Delay(Duration::from_millis(1500)));
        for wrong in ["CreateVpc", "CreateVpc:explode", "CreateVpc:throttle@0", ":throttle", "A:fail="] {
            assert!(rule(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_the_named_occurrence_is_struck() {
        let faults = Faults::new(vec!["CreateVpc:throttle@2".parse().unwrap()]);
        assert_eq!(faults.strike("CreateVpc", true), None);
        assert_eq!(faults.strike("CreateSubnet", true), None);
        assert_eq!(faults.strike("CreateVpc", true), Some(Action::Throttle));
        assert_eq!(faults.strike("CreateVpc", true), None);
    }

    #[test]
    fn a_star_counts_changing_operations_only() {
        let faults = Faults::new(vec!["*:lose-answer@1".parse().unwrap()]);
        assert_eq!(faults.strike("DescribeVpcs", false), None);
        assert_eq!(faults.strike("CreateVpc", true), Some(Action::LoseAnswer));
    }
}
