//! Kubeconfigs, as JSON, which is YAML too.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};

use crate::certificates::Pair;

/// The name of the context in every kubeconfig, and of its cluster and user.
pub(crate) const CONTEXT: &str = "onprem";

/// Access by a client's certificate to a server that `authority`, a certificate, vouches for.
pub(crate) fn with_certificate(server: &str, authority: &str, client: &Pair) -> Value {
    let cluster =
        json!({ "server": server, "certificate-authority-data": BASE64_STANDARD.encode(authority) });
    let user = json!({
        "client-certificate-data": BASE64_STANDARD.encode(&client.certificate),
        "client-key-data": BASE64_STANDARD.encode(&client.key),
    });
    kubeconfig(cluster, user)
}

/// Access by a token, in a namespace, to a server that `authority`, a certificate, vouches for.
pub(crate) fn with_token(server: &str, authority: &str, namespace: &str, token: &str) -> Value {
    let cluster =
        json!({ "server": server, "certificate-authority-data": BASE64_STANDARD.encode(authority) });
    let mut kubeconfig = kubeconfig(cluster, json!({ "token": token }));
    kubeconfig["contexts"][0]["context"]["namespace"] = namespace.into();
    kubeconfig
}

/// Access to a server that asks for no credentials.
pub(crate) fn without_credentials(server: &str) -> Value {
    kubeconfig(json!({ "server": server }), json!({}))
}

fn kubeconfig(cluster: Value, user: Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": CONTEXT, "cluster": cluster }],
        "users": [{ "name": CONTEXT, "user": user }],
        "contexts": [{ "name": CONTEXT, "context": { "cluster": CONTEXT, "user": CONTEXT } }],
        "current-context": CONTEXT,
    })
}

/// Writes a file that nobody else can read.
pub(crate) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
