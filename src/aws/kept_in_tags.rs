//! Attributes that a service takes only with the removal of a resource, or not at all, and that must be known then all the
//! same: they are kept in tags of the resource, so that nothing outside of it has to be remembered.
//!
//! Invariant: what [`put`] adds [`take`] removes again, so that such a tag never shows among the resource's own.

use std::str::FromStr;

use crate::aws::owner::Tags;

/// Days for which a removed resource can be recovered.
pub const RECOVERY_DAYS: &str = "holodeck:recovery-days";
/// Whether a last snapshot is taken before the removal.
pub const FINAL_SNAPSHOT: &str = "holodeck:final-snapshot";

/// `tags` with the attribute kept under `key`.
pub fn put(tags: &Tags, key: &str, value: impl ToString) -> Tags {
    let mut tags = tags.clone();
    tags.insert(key.to_owned(), value.to_string());
    tags
}

/// Takes the attribute kept under `key` out of `tags`; `absent` where there is none that can be read.
pub fn take<T: FromStr>(tags: &mut Tags, key: &str, absent: T) -> T {
    tags.remove(key).and_then(|value| value.parse().ok()).unwrap_or(absent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_taken_out_again() {
        let own = Tags::from([("team".into(), "infra".into())]);
        let mut tags = put(&own, RECOVERY_DAYS, 7);
        assert_ne!(tags, own);
        assert_eq!(take(&mut tags, RECOVERY_DAYS, 30), 7);
        assert_eq!(tags, own);
        assert_eq!(take(&mut tags, RECOVERY_DAYS, 30), 30);
    }
}
