//! Runs the command as a user does, in a folder of its own.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder with the shipped environment files, and the simulated worlds that commands leave in it.
pub struct Workplace {
    folder: TempDir,
}

/// How a command ended and what it printed.
pub struct Ran {
    /// The exit status.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Workplace {
    /// A folder with a copy of the shipped environments.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let environments = folder.path().join("environments");
        fs::create_dir(&environments).unwrap();
        for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/environments")).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, environments.join(path.file_name().unwrap())).unwrap();
        }
        Self { folder }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes an environment file.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join("environments").join(name), text).unwrap();
    }

    /// Replaces text in an environment file; the text must be there.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.path().join("environments").join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{name} does not contain {from:?}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
    }

    /// Gives `onprem.toml` these settings of Vault's seal.
    pub fn seal(&self, settings: &str) {
        let transit = "kind = \"transit\"\naddress = \"https://vault.holodeck.example:8200\"\n\
            key = \"onprem-unseal\"\ntoken = { env = \"HOLODECK_SEAL_TOKEN\" }\n";
        self.edit("onprem.toml", transit, settings);
    }

    /// Makes `onprem.toml` have Vault's keys encrypted to this recipient.
    pub fn encrypt_keys_to(&self, recipient: &str) {
        let shipped = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
        self.edit("onprem.toml", shipped, recipient);
    }

    /// Turns components of an environment off, and with them what Argo CD would take over.
    pub fn turn_off(&self, environment: &str, components: &[&str]) {
        for entry in fs::read_dir(self.path().join("environments")).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.split("[gitops]").next().unwrap()).unwrap();
        }
        for component in components {
            let table = format!("\n[components.{component}]\nenabled = false\n");
            self.append(&format!("{environment}.toml"), &table);
        }
    }

    /// Appends text to an environment file.
    pub fn append(&self, name: &str, text: &str) {
        let path = self.path().join("environments").join(name);
        let whole = fs::read_to_string(&path).unwrap() + text;
        fs::write(&path, whole).unwrap();
    }

    /// The command in this folder, with nothing of the machine's environment, and simulated time at full speed.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holodeck-bootstrap"));
        command.current_dir(self.path()).env_clear().env("HOLODECK_SANDBOX_SPEED", "1000000");
        command
    }

    /// Runs the command with these arguments, without a terminal.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.command().args(arguments).output().unwrap())
    }

    /// The same, with the programs of a folder at hand.
    pub fn run_with_path(&self, programs: &Path, arguments: &[&str]) -> Ran {
        ran(self.command().env("PATH", programs).args(arguments).output().unwrap())
    }

    /// Runs the command, which must end with status 0.
    pub fn succeed(&self, arguments: &[&str]) -> Ran {
        self.run(arguments).succeeded(arguments)
    }

    /// The changes of a plan as `action id`, unchanged ones left out.
    pub fn changes(&self, environment: &str, arguments: &[&str]) -> Vec<String> {
        let mut all = vec!["plan", environment, "--output", "json"];
        all.extend(arguments);
        self.succeed(&all).changes()
    }
}

/// What a process that has ended says.
pub fn ran(Output { status, stdout, stderr }: Output) -> Ran {
    Ran {
        status: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

impl Ran {
    /// The same, which must have ended with status 0.
    pub fn succeeded(self, arguments: &[&str]) -> Self {
        assert_eq!(self.status, 0, "{arguments:?}\n{}\n{}", self.stdout, self.stderr);
        self
    }

    /// The changes of a plan that was printed as JSON, as `action id`, unchanged ones left out.
    pub fn changes(&self) -> Vec<String> {
        let plan: serde_json::Value = serde_json::from_str(&self.stdout).unwrap();
        let changes = plan["changes"].as_array().unwrap();
        changes
            .iter()
            .filter(|change| change["action"] != "unchanged")
            .map(|change| {
                format!("{} {}", change["action"].as_str().unwrap(), change["id"].as_str().unwrap())
            })
            .collect()
    }
}
