//! Laws that every manifest in `bootstrap-manifests/` obeys.
//!
//! The templates are rendered in sample environments and the objects are judged as a whole: most mistakes are references
//! that lead nowhere, which no single file shows. Deviations are listed with their reasons in `exceptions.rs`; an
//! entry for something that is gone fails too.

mod definitions;
mod exceptions;
mod identity;
mod ingress_nginx;
mod objects;
mod pods;
mod references;
mod render;
mod rights;
mod sources;
mod traffic;
mod typed;
mod vault;

use std::sync::LazyLock;

use render::Rendering;

static RENDERINGS: LazyLock<Vec<Rendering>> = LazyLock::new(render::all);

/// Applies a rule to every rendering and fails with all that it found.
fn judge(rule: impl Fn(&Rendering, &mut Vec<String>)) {
    let mut report = Vec::new();
    for rendering in RENDERINGS.iter() {
        let mut found = Vec::new();
        rule(rendering, &mut found);
        report.extend(found.into_iter().map(|problem| format!("[{}] {problem}", rendering.sample)));
    }
    assert!(report.is_empty(), "{} problems:\n{}", report.len(), report.join("\n"));
}

/// The objects of all components in one sample environment: what can refer to what.
fn together(sample: &str) -> impl Iterator<Item = &'static objects::Object> {
    RENDERINGS
        .iter()
        .filter(move |rendering| rendering.sample == sample)
        .flat_map(|rendering| &rendering.objects)
}
