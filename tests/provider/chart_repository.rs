//! A repository of charts, as upstreams publish theirs, and the settings that take a component from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use holodeck_control_plane::{FileServer, program};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// A repository with one chart, packed by helm and served over HTTP.
pub struct ChartRepository {
    folder: TempDir,
    server: FileServer,
    name: String,
    version: String,
}

impl ChartRepository {
    /// A repository of the chart in `chart`.
    pub fn of(chart: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let helm = |arguments: &[&str]| {
            let mut helm = Command::new(program("helm").expect("helm"));
            let output = helm.args(arguments).current_dir(folder.path()).output().expect("helm");
            assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        helm(&["package", chart.to_str().expect("a path")]);
        helm(&["repo", "index", "."]);
        let description = fs::read_to_string(chart.join("Chart.yaml")).expect("a chart");
        let field = |key: &str| {
            let value = description.lines().find_map(|line| line.strip_prefix(key));
            value.expect("the chart says it").trim().to_owned()
        };
        let (name, version) = (field("name:"), field("version:"));
        let server = FileServer::start(folder.path()).expect("a server");
        Self { folder, server, name, version }
    }

    fn archive(&self) -> PathBuf {
        self.folder.path().join(format!("{}-{}.tgz", self.name, self.version))
    }

    /// The digest of the chart's archive.
    pub fn digest(&self) -> String {
        let archive = fs::read(self.archive()).expect("an archive");
        let digits: String = Sha256::digest(archive).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{digits}")
    }

    /// Where the repository is.
    pub fn address(&self) -> &str {
        self.server.address()
    }

    /// The table that takes `component` from the chart; values of the chart can follow it.
    pub fn source_of(&self, component: &str) -> String {
        format!(
            "\n[components.{component}.source]\nchart = \"{}\"\nrepository = \"{}\"\nversion = \"{}\"\n\
             digest = \"{}\"\n\n[components.{component}.source.values]\n",
            self.name,
            self.address(),
            self.version,
            self.digest()
        )
    }
}

/// The folder of the programs that users have beside the command, for `PATH`.
pub fn programs() -> PathBuf {
    program("helm").expect("helm").parent().expect("a folder").to_owned()
}

/// Vault's chart of upstream, with values as an environment with several nodes has them, and this stanza of its seal.
pub fn vault(seal: &str) -> (ChartRepository, String) {
    let repository = ChartRepository::of(&program("charts/vault").expect("the chart"));
    let values = format!(
        r#"
global = {{ tlsDisable = false }}
injector = {{ enabled = false }}

[components.vault.source.values.server]
volumes = [{{ name = "tls", secret = {{ secretName = "vault-server-tls" }} }}]
volumeMounts = [{{ name = "tls", mountPath = "/vault/tls", readOnly = true }}]

[components.vault.source.values.server.ha]
enabled = true
replicas = 3

[components.vault.source.values.server.ha.raft]
enabled = true
config = """
listener "tcp" {{
  address         = "[::]:8200"
  cluster_address = "[::]:8201"
  tls_cert_file   = "/vault/tls/tls.crt"
  tls_key_file    = "/vault/tls/tls.key"
}}

storage "raft" {{
  path = "/vault/data"

  retry_join {{
    leader_api_addr     = "https://vault-0.vault-internal.vault.svc:8200"
    leader_ca_cert_file = "/vault/tls/ca.crt"
  }}
}}
{seal}
service_registration "kubernetes" {{}}
"""

[components.vault.source.values.server.statefulSet.securityContext]
pod = {{ runAsNonRoot = true, runAsUser = 100, runAsGroup = 1000, fsGroup = 1000, seccompProfile = {{ type = "RuntimeDefault" }} }}
container = {{ allowPrivilegeEscalation = false, capabilities = {{ drop = ["ALL"] }} }}
"#
    );
    let table = repository.source_of("vault") + &values;
    (repository, table)
}
