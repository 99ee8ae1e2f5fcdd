//! Access to the cluster that a kubeconfig's context leads to, and the same access for others.
//! <https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/>

use std::sync::Arc;

use holodeck_engine::{Class, Error};
use kube::Config;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::settings::KubeconfigSettings;
use crate::kubernetes::tunnel::{PortForward, Tunnel};
use crate::yaml;

/// Access by the context that `settings` name.
pub struct Access {
    /// The address of the API server.
    pub server: String,
    /// How requests are made.
    pub client: kube::Client,
    /// The way to pods.
    pub tunnel: Arc<dyn Tunnel>,
}

impl Access {
    /// Reads the kubeconfig. Makes no request.
    pub async fn open(settings: &KubeconfigSettings) -> Result<Self, Error> {
        let wrong = |error: KubeconfigError| unusable(settings, error);
        let kubeconfig = read(settings)?;
        let options = KubeConfigOptions { context: Some(settings.context.clone()), ..Default::default() };
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(wrong)?;
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let client = kube::Client::try_from(config).map_err(|error| {
            Error::new(Class::Denied, format!("the context `{}` cannot be used", settings.context))
                .with_source(error)
                .with_hint(format!("try it: `kubectl --context {} version`", settings.context))
        })?;
        let tunnel = Arc::new(PortForward(client.clone()));
        Ok(Self { server, client, tunnel })
    }
}

/// The kubeconfig with nothing but the context, as YAML; its only cluster and user are the context's.
///
/// # Errors
/// Refuses where the user's credential stands in the kubeconfig itself: it would be printed.
pub fn kubeconfig(settings: &KubeconfigSettings) -> Result<String, Error> {
    let Kubeconfig { clusters, auth_infos, contexts, .. } = read(settings)?;
    let context = contexts.into_iter().find(|context| context.name == settings.context);
    let Some(context) = context else {
        let error = KubeconfigError::LoadContext(settings.context.clone());
        return Err(unusable(settings, error));
    };
    let target = context.context.clone().unwrap_or_default();
    let users: Vec<_> =
        auth_infos.into_iter().filter(|user| Some(&user.name) == target.user.as_ref()).collect();
    if users.iter().filter_map(|user| user.auth_info.as_ref()).any(holds_credential) {
        let message =
            format!("the context `{}` signs in with a credential that stands in it", settings.context);
        let hint = format!(
            "it is not printed; use the kubeconfig that you have: `kubectl --context {}`",
            settings.context
        );
        return Err(Error::new(Class::Refused, message).with_hint(hint));
    }
    let only = Kubeconfig {
        api_version: Some("v1".to_owned()),
        kind: Some("Config".to_owned()),
        current_context: Some(settings.context.clone()),
        clusters: clusters.into_iter().filter(|cluster| cluster.name == target.cluster).collect(),
        auth_infos: users,
        contexts: vec![context],
        ..Kubeconfig::default()
    };
    yaml::to_string(&only).map_err(|error| Error::bug("a kubeconfig does not serialise").with_source(error))
}

/// Whether what signs in stands in the kubeconfig itself, not in a file or a program that it names.
fn holds_credential(user: &AuthInfo) -> bool {
    user.password.is_some() || user.token.is_some() || user.client_key_data.is_some()
}

fn read(settings: &KubeconfigSettings) -> Result<Kubeconfig, Error> {
    let read = match &settings.file {
        Some(file) => Kubeconfig::read_from(file),
        None => Kubeconfig::read(),
    };
    read.map_err(|error| unusable(settings, error))
}

fn unusable(settings: &KubeconfigSettings, error: KubeconfigError) -> Error {
    let place = match &settings.file {
        Some(file) => format!("the kubeconfig `{}`", file.display()),
        None => "the kubeconfig".to_owned(),
    };
    let message = format!("{place} gives no access by the context `{}`", settings.context);
    Error::new(Class::Denied, message).with_source(error).with_hint(
        "`kubectl config get-contexts` lists the contexts; see `provider.context` and `provider.file`",
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const SETTINGS: &str = r#"{
        "context": "here",
        "load_balancer": {"kind": "node-ports", "addresses": ["192.0.2.10"]},
        "backups": {"kind": "directory", "path": "/srv/backups"},
        "recovery_keys": {"recipients": ["age1"]}
    }"#;

    /// What is printed of a kubeconfig in which `user` signs in.
    fn printed(user: &str) -> Result<String, Error> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let text = format!(
            "{{apiVersion: v1, kind: Config, current-context: other, \
              clusters: [{{name: a, cluster: {{server: 'https://a'}}}}, {{name: b, cluster: {{server: 'https://b'}}}}], \
              contexts: [{{name: other, context: {{cluster: b, user: other}}}}, \
                         {{name: here, context: {{cluster: a, user: me}}}}], \
              users: [{{name: other, user: {{token: hidden}}}}, {{name: me, user: {user}}}]}}"
        );
        file.write_all(text.as_bytes()).unwrap();
        let mut settings: KubeconfigSettings = serde_json::from_str(SETTINGS).unwrap();
        settings.file = Some(file.path().to_owned());
        kubeconfig(&settings)
    }

    #[test]
    fn only_the_context_is_printed() {
        let exec =
            "{exec: {apiVersion: client.authentication.k8s.io/v1, command: login, interactiveMode: Never}}";
        let text = printed(exec).unwrap();
        assert!(text.contains("https://a") && text.contains("command: login"), "{text}");
        assert!(text.contains("current-context: here"), "{text}");
        assert!(!text.contains("https://b") && !text.contains("hidden"), "{text}");
        let files = printed("{client-certificate: /me.crt, client-key: /me.key}").unwrap();
        assert!(files.contains("/me.key"), "{files}");
    }

    #[test]
    fn a_credential_is_not_printed() {
        for user in ["{token: hidden}", "{username: me, password: hidden}", "{client-key-data: aGlkZGVu}"] {
            let error = printed(user).unwrap_err();
            assert_eq!(error.chain(), "the context `here` signs in with a credential that stands in it");
            assert_eq!(
                error.hint(),
                Some("it is not printed; use the kubeconfig that you have: `kubectl --context here`")
            );
        }
    }

    #[tokio::test]
    async fn a_context_that_does_not_exist_is_named_with_what_to_do() {
        let mut settings: KubeconfigSettings = serde_json::from_str(SETTINGS).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        settings.file = Some(file.path().to_owned());
        let error = Access::open(&settings).await.err().unwrap();
        assert!(error.chain().contains("gives no access by the context `here`"), "{}", error.chain());
        assert!(error.hint().unwrap().contains("kubectl config get-contexts"));
    }
}
