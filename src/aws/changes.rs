//! What an update has to do, told by the fields that differ.

use holodeck_engine::FieldChange;

/// Whether `field`, or something below it, is among the changes.
pub fn touches(changes: &[FieldChange], field: &str) -> bool {
    changes.iter().any(|change| change.is_within(field))
}
