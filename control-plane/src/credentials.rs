//! The files that servers and clients of one control plane know each other by: certificates, keys, kubeconfigs.

use crate::StartError;
use crate::certificates::{Authority, signing_key};
use crate::kubeconfig::{with_certificate, write_private};
use crate::servers::{API_SERVER_SERVICE, Files, KUBELET_ADDRESS};

/// The name of the administrator's kubeconfig.
pub(crate) const ADMINISTRATOR: &str = "admin";

/// The clients with kubeconfigs: their names, the users that RBAC knows them as, and the groups these belong to.
const CLIENTS: [(&str, &str, Option<&str>); 4] = [
    (ADMINISTRATOR, "admin", Some("system:masters")),
    ("controller-manager", "system:kube-controller-manager", None),
    ("scheduler", "system:kube-scheduler", None),
    ("kwok", "kwok", Some("system:masters")),
];

/// What the API server is reached by.
const NAMES: [&str; 7] = [
    "127.0.0.1",
    API_SERVER_SERVICE,
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

/// Where clients find an API server on this port.
pub(crate) fn server(port: u16) -> String {
    format!("https://127.0.0.1:{port}")
}

/// Writes all of them, for an API server on this port.
pub(crate) fn write(files: &Files<'_>, port: u16) -> Result<(), StartError> {
    let authority = Authority::new("kubernetes")?;
    let front_proxy = Authority::new("front-proxy")?;
    let (private, public) = signing_key()?;
    let mut texts = vec![
        (files.certificate("ca"), authority.certificate.clone()),
        (files.certificate("front-proxy-ca"), front_proxy.certificate.clone()),
        (files.key("service-accounts"), private),
        (files.public_key("service-accounts"), public),
    ];
    for (name, pair) in [
        ("apiserver", authority.server("kube-apiserver", &NAMES)?),
        ("front-proxy-client", front_proxy.client("front-proxy-client", None)?),
        ("kubelets", authority.server("kubelets", &[KUBELET_ADDRESS])?),
        ("kubelet-client", authority.client("kube-apiserver-kubelet-client", Some("system:masters"))?),
    ] {
        texts.push((files.certificate(name), pair.certificate));
        texts.push((files.key(name), pair.key));
    }
    let server = server(port);
    for (name, user, group) in CLIENTS {
        let client = authority.client(user, group)?;
        let kubeconfig = with_certificate(&server, &authority.certificate, &client);
        texts.push((files.kubeconfig(name), kubeconfig.to_string()));
    }
    for (path, text) in texts {
        write_private(&path, &text).map_err(StartError::system(format!("write `{}`", path.display())))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use kube::config::{KubeConfigOptions, Kubeconfig};

    use super::*;

    #[tokio::test]
    async fn every_client_gets_access_that_a_client_can_use() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::of(folder.path());
        write(&files, 6443).unwrap();
        for (name, ..) in CLIENTS {
            let kubeconfig = Kubeconfig::read_from(files.kubeconfig(name)).unwrap();
            assert_eq!(kubeconfig.current_context.as_deref(), Some("onprem"));
            let config =
                kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
            let config = config.unwrap();
            assert_eq!(config.cluster_url, "https://127.0.0.1:6443/");
            // Key and certificate are checked against each other.
            kube::Client::try_from(config).unwrap();
        }
    }

    #[test]
    fn nobody_else_can_read_them() {
        let folder = tempfile::tempdir().unwrap();
        write(&Files::of(folder.path()), 6443).unwrap();
        let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
        assert!(files.len() > 10, "{files:?}");
        for file in files {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
        }
    }
}
