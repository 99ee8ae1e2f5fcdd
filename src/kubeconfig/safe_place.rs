//! Files that only the holders of age keys can read (<https://age-encryption.org/v1>), one for each secret.

use std::fmt;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::x25519::{Identity, Recipient};
use age::{Decryptor, Encryptor};
use async_trait::async_trait;
use gethostname::gethostname;
use holodeck_engine::{Class, Error};
use secrecy::{ExposeSecret, SecretString};

use super::settings::RecoveryKeys;
use crate::safe_place::SafePlace;
use crate::secret::{SecretReference, SecretSource};

/// How much of an identifier stands in a file's name.
const SHORT: usize = 8;

/// How many bytes are written to find out whether there is room for a secret.
const ROOM: usize = 8192;

/// A folder of encrypted files.
pub struct AgeFiles {
    directory: PathBuf,
    /// What the names of the files begin with.
    prefix: String,
    recipients: Vec<String>,
    /// Where the key is kept that this machine may read the files with.
    identity: Option<SecretReference>,
    secrets: Arc<dyn SecretSource>,
}

impl AgeFiles {
    /// Files by the name of an environment, as `settings` say. An identity that they name comes from `secrets`.
    pub fn new(settings: &RecoveryKeys, environment: &str, secrets: Arc<dyn SecretSource>) -> Self {
        Self {
            directory: settings.directory.clone(),
            prefix: environment.to_owned(),
            recipients: settings.recipients.clone(),
            identity: settings.identity.clone(),
            secrets,
        }
    }

    /// The same files in another folder.
    pub fn within(self, directory: PathBuf) -> Self {
        Self { directory, ..self }
    }

    fn file(&self, id: &str) -> PathBuf {
        let short: String = id.chars().take(SHORT).collect();
        self.directory.join(format!("{}-{short}.age", self.prefix))
    }

    /// Writes a file that belongs to its owner alone, and that is nowhere to be found until it is whole.
    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        private_directory(&self.directory)?;
        let mut file = tempfile::Builder::new().prefix(".").tempfile_in(&self.directory)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map_err(|error| error.error)?;
        File::open(&self.directory)?.sync_all()
    }

    async fn key(&self, file: &Path) -> Result<Identity, Error> {
        let by_hand = format!("decrypt it with `age --decrypt --identity KEY {}`", file.display());
        let Some(reference) = &self.identity else {
            let message = format!("`{}` is not for this machine to read", file.display());
            let hint =
                format!("{by_hand}, or say in `provider.recovery_keys.identity` where a key for it is kept");
            return Err(Error::new(Class::Refused, message).with_hint(hint));
        };
        let key = self.secrets.resolve(reference).await;
        let key = key.map_err(|error| Error::new(Class::Denied, "the age identity").with_source(error))?;
        // What `age-keygen` writes has comments beside the key.
        let lines = key.expose_secret().lines().map(str::trim);
        lines.filter(|line| !line.starts_with('#')).find_map(|line| line.parse().ok()).ok_or_else(|| {
            Error::new(Class::Refused, "what `provider.recovery_keys.identity` names is no age identity")
                .with_hint("it holds a line that begins with `AGE-SECRET-KEY-1`, as `age-keygen` writes it")
        })
    }
}

impl fmt::Display for AgeFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recipients = match self.recipients.len() {
            1 => "1 age recipient".to_owned(),
            several => format!("{several} age recipients"),
        };
        write!(f, "folder `{}`, encrypted to {recipients}", self.directory.display())
    }
}

#[async_trait]
impl SafePlace for AgeFiles {
    fn identity(&self) -> String {
        // What stands for it is another folder for every place that it is seen from.
        let directory = std::path::absolute(&self.directory).unwrap_or_else(|_| self.directory.clone());
        format!("folder `{}` on {}", directory.display(), gethostname().display())
    }

    async fn prepare(&self) -> Result<(), Error> {
        let proof = self.directory.join(format!(".{}-proof-{}", self.prefix, std::process::id()));
        let content = encrypted(&self.recipients, &[0; ROOM])?;
        // One that a process of the same number has left.
        let _ = fs::remove_file(&proof);
        self.write(&proof, &content).and_then(|()| fs::remove_file(&proof)).map_err(|error| {
            let directory = self.directory.display();
            Error::new(Class::Refused, format!("no file can be written in `{directory}`"))
                .with_source(error)
                .with_hint(
                    "name another folder in `provider.recovery_keys.directory`, or make room in this one",
                )
        })
    }

    async fn keep(&self, id: &str, secret: &SecretString) -> Result<(), Error> {
        let content = encrypted(&self.recipients, secret.expose_secret().as_bytes())?;
        let path = self.file(id);
        self.write(&path, &content).map_err(|error| {
            Error::new(Class::Failed, format!("writing `{}`", path.display())).with_source(error)
        })
    }

    async fn holds(&self, id: &str) -> Result<bool, Error> {
        let path = self.file(id);
        path.try_exists().map_err(|error| {
            Error::new(Class::Failed, format!("looking for `{}`", path.display())).with_source(error)
        })
    }

    async fn read(&self, id: &str) -> Result<SecretString, Error> {
        let path = self.file(id);
        if !self.holds(id).await? {
            return Err(Error::new(Class::Refused, format!("`{}` is not there", path.display())).with_hint(
                "run it where the file is, or bring it there; or unseal the servers by hand, with `vault operator unseal`",
            ));
        }
        let identity = self.key(&path).await?;
        let read =
            File::open(&path).map_err(age::DecryptError::Io).and_then(|file| decrypted(file, &identity));
        read.map_err(|error| {
            Error::new(Class::Refused, format!("`{}` cannot be read", path.display()))
                .with_source(error)
                .with_hint("run it where the file is, with the identity of one of its recipients")
        })
    }
}

/// `content` as only the holders of the recipients' keys can read it, as text.
fn encrypted(recipients: &[String], content: &[u8]) -> Result<Vec<u8>, Error> {
    let wrong =
        |error: &'static str| Error::new(Class::Refused, format!("a recipient of recovery keys: {error}"));
    let recipients = recipients.iter().map(|recipient| recipient.parse::<Recipient>());
    let recipients = recipients.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    let encrypt = || -> Result<Vec<u8>, age::EncryptError> {
        let encryptor = Encryptor::with_recipients(recipients.iter().map(|one| one as &dyn age::Recipient))?;
        let mut written = Vec::new();
        let armor = ArmoredWriter::wrap_output(&mut written, Format::AsciiArmor)?;
        let mut writer = encryptor.wrap_output(armor)?;
        writer.write_all(content)?;
        writer.finish()?.finish()?;
        Ok(written)
    };
    encrypt().map_err(|error| Error::new(Class::Refused, "encrypting to the recipients").with_source(error))
}

fn decrypted(file: impl Read, identity: &Identity) -> Result<SecretString, age::DecryptError> {
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(file))?;
    let mut text = String::new();
    decryptor.decrypt(std::iter::once(identity as &dyn age::Identity))?.read_to_string(&mut text)?;
    Ok(SecretString::from(text))
}

/// Makes a folder that is its owner's alone; one that is there stays as it is.
fn private_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret as _;

    use super::*;
    use crate::secret::LocalSecrets;

    const ID: &str = "3f2a91c4-0000-4000-8000-000000000000";

    fn files(directory: &Path, recipients: &[&Identity], identity: Option<&Path>) -> AgeFiles {
        let settings = RecoveryKeys {
            recipients: recipients.iter().map(|identity| identity.to_public().to_string()).collect(),
            directory: directory.to_owned(),
            identity: identity.map(|path| SecretReference::File(path.to_owned())),
        };
        AgeFiles::new(&settings, "onprem", Arc::new(LocalSecrets))
    }

    fn secret(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    #[tokio::test]
    async fn every_recipient_reads_what_was_kept_and_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other, stranger) = (Identity::generate(), Identity::generate(), Identity::generate());
        let place = files(&folder.path().join("recovery"), &[&one, &other], None);
        place.prepare().await.unwrap();
        assert!(!place.holds(ID).await.unwrap());
        place.keep(ID, &secret("the keys")).await.unwrap();
        assert!(place.holds(ID).await.unwrap());

        let path = folder.path().join("recovery/onprem-3f2a91c4.age");
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n") && !text.contains("the keys"),
            "{text}"
        );
        for (identity, reads) in [(&one, true), (&other, true), (&stranger, false)] {
            let key = folder.path().join("key.txt");
            let line = identity.to_string();
            fs::write(&key, format!("# created: today\n{}\n", line.expose_secret())).unwrap();
            let place = files(&folder.path().join("recovery"), &[&one, &other], Some(&key));
            let read = place.read(ID).await;
            assert_eq!(read.is_ok(), reads);
            if let Ok(text) = read {
                assert_eq!(text.expose_secret(), "the keys");
            }
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn files_and_their_folder_are_their_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("a/recovery");
        let place = files(&directory, &[&Identity::generate()], None);
        place.keep(ID, &secret("the keys")).await.unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&directory), 0o700);
        assert_eq!(mode(&directory.join("onprem-3f2a91c4.age")), 0o600);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "nothing is left beside it");
    }

    #[tokio::test]
    async fn that_a_file_can_be_written_is_proven_without_a_trace() {
        let folder = tempfile::tempdir().unwrap();
        files(folder.path(), &[&Identity::generate()], None).prepare().await.unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn places_on_one_machine_differ_by_their_folders() {
        let place = |directory: &str| files(Path::new(directory), &[], None).identity();
        assert_eq!(place("recovery"), place("./recovery"));
        assert_ne!(place("recovery"), place("elsewhere/recovery"));
    }

    #[tokio::test]
    async fn what_was_kept_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let place = files(folder.path(), &[&Identity::generate()], None);
        place.keep(ID, &secret("the keys")).await.unwrap();
        let before = fs::read(folder.path().join("onprem-3f2a91c4.age")).unwrap();
        let error = place.keep(ID, &secret("others")).await.unwrap_err();
        assert!(error.chain().contains("onprem-3f2a91c4.age"), "{error:?}");
        assert_eq!(fs::read(folder.path().join("onprem-3f2a91c4.age")).unwrap(), before);
    }

    #[tokio::test]
    async fn what_cannot_be_written_or_read_is_told_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("a-file");
        fs::write(&blocked, "").unwrap();
        let error = files(&blocked, &[&Identity::generate()], None).prepare().await.unwrap_err();
        assert!(error.to_string().contains("no file can be written in"), "{error:?}");
        assert!(error.hint().unwrap().contains("provider.recovery_keys.directory"));

        let place = files(folder.path(), &[&Identity::generate()], None);
        let error = place.read(ID).await.unwrap_err();
        assert!(error.to_string().ends_with("onprem-3f2a91c4.age` is not there"), "{error:?}");
        place.keep(ID, &secret("the keys")).await.unwrap();
        let error = place.read(ID).await.unwrap_err();
        assert!(error.hint().unwrap().contains("age --decrypt --identity KEY"), "{error:?}");

        let key = folder.path().join("key.txt");
        fs::write(&key, "no key").unwrap();
        let error = files(folder.path(), &[&Identity::generate()], Some(&key)).read(ID).await.unwrap_err();
        assert!(error.to_string().contains("is no age identity"), "{error:?}");
    }
}
