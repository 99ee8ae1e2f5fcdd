//! Where a sandbox's world is kept between runs: JSON files in a folder of its own, each written atomically.
//!
//! A file is replaced as a whole, so a process that is killed leaves the state before or after a change, never half of
//! one. A lock keeps two processes from playing in one world.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why the world could not be opened or kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder could not be read or written.
    #[error("cannot use `{path}`")]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("`{path}` is not a sandbox's state; delete the folder to start with an empty world")]
    Malformed {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Another process plays in this world.
    #[error("process {pid} is using the sandbox in `{folder}`; wait until it has ended")]
    InUse {
        /// The world's folder.
        folder: PathBuf,
        /// The process's id, as it wrote it down.
        pid: String,
    },
}

/// A folder with the files of one world, held exclusively; or nothing at all, for a world that ends with the process.
#[derive(Debug)]
pub struct Store {
    folder: Option<(PathBuf, File)>,
}

impl Store {
    /// Opens `folder`, which is made where it is missing, readable by its owner alone.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io { path, source }
        };
        fs::create_dir_all(folder).map_err(io(folder))?;
        restrict(folder, 0o700).map_err(io(folder))?;
        let path = folder.join("lock");
        let options = OpenOptions::new().create(true).truncate(false).read(true).write(true).clone();
        let mut lock = options.open(&path).map_err(io(&path))?;
        match lock.try_lock() {
            Ok(()) => {
                write_pid(&mut lock).map_err(io(&path))?;
                Ok(Self { folder: Some((folder.to_owned(), lock)) })
            }
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                lock.read_to_string(&mut pid).map_err(io(&path))?;
                Err(StoreError::InUse { folder: folder.to_owned(), pid: pid.trim().to_owned() })
            }
            Err(TryLockError::Error(source)) => Err(StoreError::Io { path, source }),
        }
    }

    /// The folder, where there is one.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(|(folder, _)| folder.as_path())
    }

    /// Keeps nothing.
    pub fn nowhere() -> Self {
        Self { folder: None }
    }

    /// What `name` holds, if it exists.
    pub fn load<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let Some((folder, _)) = &self.folder else { return Ok(None) };
        let path = folder.join(name);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|source| StoreError::Malformed { path, source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::Io { path, source }),
        }
    }

    /// Replaces what `name` holds.
    pub fn save<T: Serialize>(&self, name: &str, value: &T) -> Result<(), StoreError> {
        let Some((folder, _)) = &self.folder else { return Ok(()) };
        let path = folder.join(name);
        let write = || {
            let bytes = serde_json::to_vec(value)?;
            let draft = folder.join(format!("{name}.draft"));
            let mut file = File::create(&draft)?;
            restrict(&draft, 0o600)?;
            file.write_all(&bytes)?;
            fs::rename(&draft, &path)
        };
        write().map_err(|source| StoreError::Io { path: path.clone(), source })
    }

    /// Removes `name`, if it exists.
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        let Some((folder, _)) = &self.folder else { return Ok(()) };
        let path = folder.join(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StoreError::Io { path, source }),
            _ => Ok(()),
        }
    }
}

fn write_pid(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    writeln!(lock, "{}", std::process::id())
}

#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn restrict(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_use_is_refused_and_its_files_survive() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let refused = Store::open(folder.path()).unwrap_err();
        assert!(
            refused.to_string().contains(&format!("process {} is using", std::process::id())),
            "{refused}"
        );
        store.save("world.json", &[1, 2]).unwrap();
        drop(store);
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.load::<Vec<i32>>("world.json").unwrap(), Some(vec![1, 2]));
        assert_eq!(store.load::<Vec<i32>>("other.json").unwrap(), None);
        assert!(matches!(store.load::<String>("world.json"), Err(StoreError::Malformed { .. })));
    }
}
