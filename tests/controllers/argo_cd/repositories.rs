//! Repositories in Git, served over HTTPS to whoever signs in, as a hosting service does.

use std::path::{Path, PathBuf};
use std::process::Command;

use holodeck_control_plane::Keeper;
use holodeck_control_plane::certificates::Authority;

use crate::process;

/// Who signs in: Git servers take any name with a token, this one takes the name that our manifests send.
const USER: &str = "holodeck-bootstrap";
/// The name of the server, which its certificate is for.
pub const HOST: &str = "localhost";
const SERVER: &str = "git-server";

/// The repositories, with a working copy of each.
pub struct Repositories {
    keeper: Keeper,
    port: String,
    /// The certificate of the authority that vouches for the server.
    pub authority: String,
}

impl Repositories {
    /// Starts to serve these repositories, which are empty, to those with the password.
    pub async fn start(names: &[&str], password: &str) -> Self {
        let mut keeper = Keeper::new().expect("a folder");
        let served = keeper.folder().join("served");
        for name in names {
            let (bare, copy) = (served.join(format!("{name}.git")), keeper.folder().join(name));
            git(keeper.folder(), &["init", "--quiet", "--bare", "--initial-branch=main", text(&bare)]);
            git(keeper.folder(), &["init", "--quiet", "--initial-branch=main", text(&copy)]);
            git(&copy, &["remote", "add", "origin", text(&bare)]);
        }
        let authority = Authority::new("git").expect("an authority");
        let pair = authority.server(HOST, &[HOST]).expect("a certificate");
        let write = |name: &str, text: String| {
            let path = keeper.folder().join(name);
            std::fs::write(&path, text).expect("a file");
            path
        };
        let (certificate, key) = (write("server.crt", pair.certificate), write("server.key", pair.key));
        let arguments = [
            format!("--repositories={}", served.display()),
            format!("--certificate={}", certificate.display()),
            format!("--key={}", key.display()),
            format!("--user={USER}"),
        ];
        let environment = [("GIT_PASSWORD", password), ("PATH", process::PATH)];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let program = process::program(SERVER);
        keeper.start_with(SERVER, &program, &arguments, &environment).expect("a process");
        let address = process::address(&mut keeper, SERVER).await;
        let port = address.rsplit(':').next().expect("a port").to_owned();
        Self { keeper, port, authority: authority.certificate }
    }

    /// Where a repository is served.
    pub fn url(&self, name: &str) -> String {
        format!("https://{HOST}:{}/{name}.git", self.port)
    }

    /// Changes a repository: `change` gets the folder of its files, and what it leaves there is committed and pushed.
    pub fn commit(&self, name: &str, change: impl FnOnce(&Path)) {
        let copy = self.keeper.folder().join(name);
        change(&copy);
        git(&copy, &["add", "--all"]);
        let author = ["-c", "user.name=A Developer", "-c", "user.email=developer@holodeck.example"];
        git(&copy, &[&author[..], &["commit", "--quiet", "--message=A change"]].concat());
        git(&copy, &["push", "--quiet", "origin", "main"]);
    }
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path: PathBuf = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy(&path, &target),
            false => _ = std::fs::copy(&path, target).expect("a file"),
        }
    }
}

/// Runs git without anybody's settings.
fn git(folder: &Path, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.current_dir(folder)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    let output = git.output().expect("git");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}
