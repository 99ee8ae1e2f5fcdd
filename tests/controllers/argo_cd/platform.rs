//! The platform as `up` makes it from an environment, on a control plane of its own.

use std::path::Path;

use holodeck_control_plane::stand_in::{self, StandIn, VaultServers};
use holodeck_control_plane::{ControlPlane, Extent, Options};
use kube::Client;

use super::repositories::{HOST, Repositories, copy};
use crate::api_server;

/// Argo CD's namespace.
pub const NAMESPACE: &str = "argocd";
/// What every credential is.
const TOKEN: &str = "a-token";
/// The files that the platform's repository begins with.
const PLATFORM_REPOSITORY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/controllers/argo_cd/platform-repository");

/// A control plane with the platform of `environments/onprem.toml`, but for where its repositories are.
pub struct Platform {
    /// The control plane.
    pub control_plane: ControlPlane,
    repositories: Repositories,
    _cert_manager: StandIn,
    _vault: VaultServers,
}

impl Platform {
    /// Makes it. The services' repository has these files in the environment's folder.
    pub async fn start(services: &[(&str, &str)]) -> Self {
        // What the webhooks of the components would answer runs nowhere.
        let options = Options { extent: Extent::Cluster { nodes: 3 }, calls_webhooks: false };
        let control_plane = ControlPlane::start(options).await.unwrap_or_else(|error| panic!("{error}"));
        let _cert_manager = stand_in::certificates(control_plane.config());
        let _vault = stand_in::vault(control_plane.config()).unwrap_or_else(|error| panic!("{error}"));
        let names = ["platform", "services"];
        let repositories = Repositories::start(&names, TOKEN).await;
        let platform = Self { control_plane, repositories, _cert_manager, _vault };

        let address = platform.repositories.url("platform");
        platform.repositories.commit("platform", |folder| {
            copy(Path::new(PLATFORM_REPOSITORY), folder);
            let file = folder.join("platform/monitoring.yaml");
            let text = std::fs::read_to_string(&file).expect("an application");
            std::fs::write(file, text.replace("ADDRESS", &address)).expect("a file");
        });
        platform.change_services(|folder| {
            for (name, text) in services {
                let file = folder.join(name);
                std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
                std::fs::write(file, text).expect("a file");
            }
        });
        platform.up();
        platform
    }

    /// A client of the administrator.
    pub fn client(&self) -> Client {
        self.control_plane.client()
    }

    /// Commits a change of the services' files: `change` gets the environment's folder.
    pub fn change_services(&self, change: impl FnOnce(&Path)) {
        self.repositories.commit("services", |folder| change(&folder.join("onprem")));
    }

    fn up(&self) {
        let workplace = api_server::workplace();
        for name in ["platform", "services"] {
            let url = format!("https://gitlab.example/holodeck/{name}.git");
            workplace.edit("base.toml", &url, &self.repositories.url(name));
        }
        let authority = &self.repositories.authority;
        let trust = format!("\n[components.argo-cd.values.tls_certificates]\n{HOST} = '''\n{authority}'''\n");
        workplace.append("onprem.toml", &trust);
        let mut up = workplace.command();
        up.args(["up", "onprem", "--yes", "--quiet"]).env("KUBECONFIG", self.control_plane.kubeconfig());
        up.envs(["HOLODECK_GIT_TOKEN", "HOLODECK_SEAL_TOKEN"].map(|name| (name, TOKEN)));
        let output = up.output().expect("the command");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
