//! Processes that a test starts, and their folder, kept by a shell that outlives the test.
//!
//! Destructors do not run in a process that is killed. So a shell (`keeper.sh`) reads a pipe of which only this process
//! has the other end: when the process is gone, however it went, the pipe ends, and the shell kills the servers and
//! removes the folder.
//!
//! Invariant: no server runs that the shell does not know. A server's process waits for a word before it becomes the
//! server, and the word is given after its id has been handed to the shell.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

/// What a server's process does first: wait for the word. Without it, as when this process is gone, it ends.
const WAIT_FOR_THE_WORD: &str = "read -r word && exec \"$@\"";

/// Servers and a folder of theirs, as those of one control plane; both are gone when it is dropped.
#[derive(Debug)]
pub struct Keeper {
    folder: PathBuf,
    shell: Child,
    words: Option<ChildStdin>,
    servers: Vec<(&'static str, Child)>,
}

impl Keeper {
    /// Makes a folder, which only this user can enter, and whoever will remove it.
    pub fn new() -> io::Result<Self> {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", include_str!("keeper.sh"), "keeper.sh"])
            .arg(std::env::temp_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Apart from the terminal's group, which an interruption by the keyboard ends as a whole.
            .process_group(0)
            .spawn()?;
        let words = shell.stdin.take();
        let mut folder = String::new();
        if let Some(output) = shell.stdout.take() {
            BufReader::new(output).read_line(&mut folder)?;
        }
        let folder = PathBuf::from(folder.trim_end_matches('\n'));
        // From here on, whatever fails, dropping it ends the shell.
        let keeper = Self { folder, shell, words, servers: Vec::new() };
        match keeper.folder.is_absolute() {
            true => Ok(keeper),
            false => Err(io::Error::other("no temporary folder could be made")),
        }
    }

    /// The folder. What is in it may be written by whoever has the keeper, and goes with it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts a server, with nothing of this process's environment. What it writes goes to its log.
    pub fn start(&mut self, name: &'static str, program: &Path, arguments: &[String]) -> io::Result<()> {
        self.start_with(name, program, arguments, &BTreeMap::new())
    }

    /// The same, with an environment.
    pub fn start_with(
        &mut self,
        name: &'static str,
        program: &Path,
        arguments: &[String],
        environment: &BTreeMap<String, String>,
    ) -> io::Result<()> {
        let log = File::create(self.log_file(name))?;
        let mut process = Command::new("/bin/sh")
            .args(["-c", WAIT_FOR_THE_WORD, name])
            .arg(program)
            .args(arguments)
            .env_clear()
            .env("HOME", &self.folder)
            .env("TMPDIR", &self.folder)
            .envs(environment)
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()?;
        let word = process.stdin.take();
        let id = process.id();
        self.servers.push((name, process));
        self.tell(&id.to_string())?;
        word.map_or(Ok(()), |mut word| word.write_all(b"go\n"))
    }

    /// The first server that has ended, and how.
    pub fn ended(&mut self) -> io::Result<Option<(&'static str, ExitStatus)>> {
        for (name, process) in &mut self.servers {
            if let Some(status) = process.try_wait()? {
                return Ok(Some((name, status)));
            }
        }
        Ok(None)
    }

    /// The names of the servers, with the ids of their processes.
    pub fn servers(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.servers.iter().map(|(name, process)| (*name, process.id()))
    }

    /// All that a server has written, or nothing if there is no such server.
    pub fn log(&self, name: &str) -> String {
        let bytes = std::fs::read(self.log_file(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Where a server's log is.
    pub fn log_file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    fn tell(&mut self, word: &str) -> io::Result<()> {
        self.words.as_mut().map_or(Ok(()), |words| writeln!(words, "{word}"))
    }
}

impl Drop for Keeper {
    /// Ends the servers, and waits until nothing is left. Errors mean that something is gone already.
    fn drop(&mut self) {
        for (_, process) in &mut self.servers {
            let _ = process.kill();
        }
        for (_, process) in &mut self.servers {
            let _ = process.wait();
        }
        // The ids are the system's again, so the shell must not use them.
        let _ = self.tell("none");
        drop(self.words.take());
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn keeper(script: &str) -> Keeper {
        let mut keeper = Keeper::new().unwrap();
        let arguments = ["-c".to_owned(), script.to_owned()];
        keeper.start("server", Path::new("/bin/sh"), &arguments).unwrap();
        keeper
    }

    fn exists(process: u32) -> bool {
        let kill = Command::new("kill").args(["-0", &process.to_string()]).stderr(Stdio::null()).status();
        kill.unwrap().success()
    }

    #[test]
    fn dropping_it_ends_the_servers_and_removes_the_folder() {
        let keeper = keeper("exec sleep 600");
        let folder = keeper.folder().to_owned();
        let (_, process) = keeper.servers().next().unwrap();
        assert!(folder.join("server.log").exists());
        assert!(exists(process));
        drop(keeper);
        assert!(!folder.exists());
        assert!(!exists(process));
    }

    #[test]
    fn the_end_of_the_pipe_ends_the_servers_and_removes_the_folder() {
        let mut keeper = keeper("exec sleep 600");
        // As when this process is killed: nothing else is done.
        drop(keeper.words.take());
        let status = keeper.servers[0].1.wait().unwrap();
        assert_eq!(status.signal(), Some(9));
        keeper.shell.wait().unwrap();
        assert!(!keeper.folder().exists());
    }

    #[test]
    fn a_server_that_ended_is_told_with_what_it_wrote() {
        let mut keeper = keeper("echo said; echo complained >&2; exit 3");
        keeper.servers[0].1.wait().unwrap();
        let (server, status) = keeper.ended().unwrap().unwrap();
        assert_eq!((server, status.code()), ("server", Some(3)));
        assert_eq!(keeper.log("server"), "said\ncomplained\n");
    }

    #[test]
    fn a_server_sees_nothing_of_our_environment() {
        let mut keeper = keeper("export -p");
        keeper.servers[0].1.wait().unwrap();
        let log = keeper.log("server");
        assert!(log.contains("HOME") && !log.contains("CARGO"), "{log}");
    }

    #[test]
    fn a_server_sees_the_environment_that_it_is_given() {
        let mut keeper = Keeper::new().unwrap();
        let arguments = ["-c".to_owned(), "echo $HOME $WORD".to_owned()];
        let environment = [("WORD".to_owned(), "word".to_owned()), ("HOME".to_owned(), "/home".to_owned())];
        keeper.start_with("server", Path::new("/bin/sh"), &arguments, &environment.into()).unwrap();
        keeper.servers[0].1.wait().unwrap();
        assert_eq!(keeper.log("server"), "/home word\n");
    }
}
