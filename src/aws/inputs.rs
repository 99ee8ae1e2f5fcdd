//! Inputs of a resource that is about to be made or changed: all of them are known by then.

use holodeck_engine::{Error, Input};

/// The values of several inputs.
pub fn known<'a>(inputs: impl IntoIterator<Item = &'a Input<String>>) -> Result<Vec<String>, Error> {
    inputs.into_iter().map(|input| input.get().cloned()).collect()
}

/// The same, `None` where there are none: many services take an empty list for a mistake.
pub fn known_if_any<'a>(
    inputs: impl IntoIterator<Item = &'a Input<String>>,
) -> Result<Option<Vec<String>>, Error> {
    known(inputs).map(|values| Some(values).filter(|values| !values.is_empty()))
}
