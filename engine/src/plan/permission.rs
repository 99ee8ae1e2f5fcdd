//! What may be replaced or removed: a plan that lacks a permission names it, and is not applied.

use std::sync::Arc;

use crate::address::Address;
use crate::diff::{After, FieldChange};
use crate::graph::Node;
use crate::input;
use crate::kind::{Kind, Seen};
use crate::plan::{Blocked, Planner};
use crate::resource::Status;

impl Planner<'_> {
    /// Records whether the replacement is allowed, itself or as a consequence.
    pub(super) fn permit_replacement(
        &mut self,
        address: &Address,
        node: &Node,
        seen: &Seen,
        because: &[String],
        fields: &[FieldChange],
    ) {
        // One field that another replacement changes is enough: there is no way around this one then.
        let is_consequence = because.iter().any(|path| {
            fields.iter().any(|field| field.path == *path && self.is_unknown_through_replacement(field))
        });
        let text = address.to_string();
        let allowed = self.policy.allow_replace.contains(&text) && !self.policy.protected;
        if (is_consequence && !node.kind.precious()) || allowed {
            self.replaced.insert(address.clone());
            return;
        }
        if node.kind.disposable(&seen.attributes).unwrap_or(false) {
            // It may go, but takes nothing along that may not.
            return;
        }
        let (why, otherwise) = match seen.status {
            Status::Failed(_) => (because.join(", "), "repair it by hand"),
            _ => (format!("{} cannot change in place", because.join(", ")), "take the change back"),
        };
        let why = format!("it would be replaced, since {why}");
        let remedy = match self.policy.protected {
            true => "the environment is protected: set `protected = false` to allow replacements".to_owned(),
            false => format!("allow it with `--allow-replace {text}`, or {otherwise}"),
        };
        // Its consequences are not blocked a second time.
        self.replaced.insert(address.clone());
        self.blocked.push(Blocked { address: address.clone(), why, remedy });
    }

    fn is_unknown_through_replacement(&self, field: &FieldChange) -> bool {
        let After::Unknown(value) = &field.after else { return false };
        let mut only_replaced = true;
        input::visit_references(value, &mut |r| only_replaced &= self.replaced.contains(&r.address));
        only_replaced
    }

    /// Records whether what is no longer desired may go.
    pub(super) fn permit_removal(&mut self, address: &Address, kind: &Arc<dyn Kind>, seen: &Seen) {
        let text = address.to_string();
        let kept = kind.kept(&seen.attributes).ok().flatten();
        let data = kind.holds_data(&seen.attributes).ok().flatten();
        let allowed = self.policy.allow_loss.contains(&text) && !self.policy.protected;
        let unprotect = "set `protected = false` to allow it, or take the change back";
        let (why, remedy) = match (kept, data) {
            (Some(remedy), _) => ("it is protected against removal".to_owned(), remedy),
            (None, data) if self.policy.protected && (kind.precious() || data.is_some()) => {
                ("it holds data and the environment is protected".to_owned(), unprotect.to_owned())
            }
            (None, Some(why)) if !allowed => {
                (why, format!("allow it with `--allow-loss {text}`, or take the change back"))
            }
            _ => return,
        };
        let why = format!("it would be removed, but {why}");
        self.blocked.push(Blocked { address: address.clone(), why, remedy });
    }
}
