//! The manifests that the program carries, and how they are rendered: templates at the top of a component's folder,
//! plain files in the folder `crds`.
//!
//! Nothing undefined renders as nothing. Credentials and outputs that are not known yet are markers in texts, which
//! templates pass on; the filter `b64` puts off their encoding until they are resolved.

use std::path::Path;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use include_dir::{Dir, include_dir};
use minijinja::value::{Kwargs, Serde};
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use serde_json::Value;

use crate::kubernetes::manifest::{self, ManifestError, TO_ENCODE};
use crate::secret;

static MANIFESTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/bootstrap-manifests");

/// Why a template could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// A template uses what is not there.
    #[error("`{file}`, line {line}: `{expression}` is undefined")]
    Undefined {
        /// Which file.
        file: String,
        /// Which line, the first being 1.
        line: usize,
        /// What is undefined.
        expression: String,
    },
    /// A template is wrong otherwise.
    #[error("`{file}`, line {line}")]
    Failed {
        /// Which file.
        file: String,
        /// Which line, the first being 1.
        line: usize,
        /// What is wrong.
        #[source]
        source: Box<minijinja::Error>,
    },
    /// A file is not there.
    #[error("there is no file `{0}`")]
    NoFile(String),
    /// There is no folder for the component.
    #[error("there are no manifests of a component `{0}`")]
    NoComponent(String),
}

/// A rendered file.
pub struct Rendered {
    /// Its path below `bootstrap-manifests`.
    pub file: String,
    /// Its text, YAML.
    pub text: String,
}

impl Rendered {
    /// The manifests in it.
    pub fn manifests(&self) -> Result<Vec<Value>, ManifestError> {
        manifest::parse(&self.file, &self.text)
    }
}

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.set_auto_escape_callback(|_| AutoEscape::None);
    templates.set_debug(true);
    templates.add_filter("b64", b64);
    templates.add_filter("tojson", tojson);
    templates
});

/// Base64 of a text, or a mark that it is to be encoded once it is known.
fn b64(text: String) -> String {
    let is_open =
        secret::has_placeholder(&text) || holodeck_engine::input::is_unresolved(&text.as_str().into());
    match is_open {
        true => format!("{TO_ENCODE}{text}"),
        false => STANDARD.encode(text),
    }
}

/// A value as JSON, which is YAML too. The filter of that name that comes with templates makes undefined values null.
fn tojson(value: &minijinja::Value) -> Result<minijinja::Value, minijinja::Error> {
    const NO_OPTIONS: [(&str, minijinja::Value); 0] = [];
    if value.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    minijinja::filters::tojson(value, None, Kwargs::from_iter(NO_OPTIONS))
}

/// The files of a component rendered with `context`, definitions of kinds first.
pub fn render(component: &str, context: &Value) -> Result<Vec<Rendered>, TemplateError> {
    let folder =
        MANIFESTS.get_dir(component).ok_or_else(|| TemplateError::NoComponent(component.to_owned()))?;
    let mut rendered = Vec::new();
    for (file, text) in MANIFESTS.get_dir(Path::new(component).join("crds")).into_iter().flat_map(yaml_files)
    {
        rendered.push(Rendered { file, text: text.to_owned() });
    }
    let context = minijinja::Value::from(Serde(context));
    for (file, template) in yaml_files(folder) {
        rendered.push(render_file(file, template, &context)?);
    }
    Ok(rendered)
}

/// Only the files of a component that are named, rendered with `context`.
pub(super) fn render_only(
    component: &str,
    files: &[&str],
    context: &Value,
) -> Result<Vec<Rendered>, TemplateError> {
    let context = minijinja::Value::from(Serde(context));
    let paths = files.iter().map(|name| format!("{component}/{name}"));
    paths
        .map(|path| {
            let template = file(&path).ok_or_else(|| TemplateError::NoFile(path.clone()))?;
            render_file(path, template, &context)
        })
        .collect()
}

fn render_file(
    file: String,
    template: &'static str,
    context: &minijinja::Value,
) -> Result<Rendered, TemplateError> {
    match TEMPLATES.render_named_str(&file, template, context.clone()) {
        Ok(text) => Ok(Rendered { file, text }),
        Err(error) => Err(explained(&file, template, error)),
    }
}

/// A text that is a template itself, rendered with `context`.
pub(super) fn text(template: &str, context: &Value) -> Result<String, TemplateError> {
    let context = minijinja::Value::from(Serde(context));
    TEMPLATES.render_str(template, context).map_err(|error| explained(template, template, error))
}

/// The text of one file below `bootstrap-manifests`.
pub(super) fn file(path: &str) -> Option<&'static str> {
    MANIFESTS.get_file(path)?.contents_utf8()
}

/// The YAML files directly in a folder, by name.
fn yaml_files(folder: &'static Dir<'static>) -> impl Iterator<Item = (String, &'static str)> {
    let mut files: Vec<_> = folder
        .files()
        .filter(|file| file.path().extension().is_some_and(|extension| extension == "yaml"))
        .filter_map(|file| Some((file.path().to_string_lossy().into_owned(), file.contents_utf8()?)))
        .collect();
    files.sort();
    files.into_iter()
}

fn explained(file: &str, template: &str, error: minijinja::Error) -> TemplateError {
    let (file, line) = (file.to_owned(), error.line().unwrap_or(1));
    match error.range().and_then(|range| template.get(range)) {
        Some(expression) if error.kind() == ErrorKind::UndefinedError => {
            TemplateError::Undefined { file, line, expression: expression.to_owned() }
        }
        _ => TemplateError::Failed { file, line, source: Box::new(error) },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::secret::{SecretReference, placeholder};

    #[test]
    fn what_is_undefined_is_named_with_its_place() {
        let template = "a: 1\nb: {{ foundation.dns.zone | tojson }}\n";
        let error = text(template, &json!({"foundation": {"dns": {}}})).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("foundation.dns.zone"), "{error}");
        assert!(error.ends_with("is undefined"), "{error}");
    }

    #[test]
    fn nothing_undefined_renders_as_nothing() {
        let context = json!({"a": {}});
        for template in [
            "{{ a.b }}",
            "{{ a.b | tojson }}",
            "{{ ('x' ~ a.b) | tojson }}",
            "{{ a.b | b64 }}",
            "{% if a.b %}{% endif %}",
            "{% for b in a.b %}{% endfor %}",
        ] {
            assert!(text(template, &context).is_err(), "{template}");
        }
    }

    #[test]
    fn base64_waits_for_credentials() {
        let token = placeholder(&SecretReference::Env("TOKEN".into()));
        let context = json!({"token": token});
        assert_eq!(text("{{ 'hello' | b64 }}", &context).unwrap(), "aGVsbG8=");
        assert_eq!(text("{{ token | b64 }}", &context).unwrap(), format!("{TO_ENCODE}{token}"));
        assert_eq!(text("{{ ('x:' ~ token) | b64 }}", &context).unwrap(), format!("{TO_ENCODE}x:{token}"));
    }
}
