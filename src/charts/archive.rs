//! Archives of charts: fetched once, known by their digests.
//!
//! Invariant: only an archive with the digest that the environment names is ever kept, or used. So a repository cannot
//! give other content under the same version, and what is kept serves when the repository is gone.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use holodeck_engine::{Class, Error};
use sha2::{Digest, Sha256};
use tokio::fs;

use super::helm;
use crate::environment::ChartSource;

/// Charts in a registry of container images. <https://helm.sh/docs/topics/registries/>
const REGISTRY: &str = "oci://";

/// The archive of `chart` in `folder`, where it is put if it is not there yet.
pub(super) async fn fetched(folder: &Path, chart: &ChartSource) -> Result<PathBuf, Error> {
    let kept = folder.join(file_name(chart));
    if is_it(&kept, chart).await {
        return Ok(kept);
    }
    let unusable = |error: io::Error| {
        Error::new(Class::Refused, format!("charts cannot be kept in `{}`", folder.display()))
            .with_source(error)
            .with_hint("choose another folder with `--charts`")
    };
    fs::create_dir_all(folder).await.map_err(unusable)?;
    // In the same folder, so that it is moved in one step.
    let scratch = tempfile::tempdir_in(folder).map_err(unusable)?;
    tracing::info!(chart = chart.chart, version = chart.version, repository = chart.repository, "fetching");
    let tried = format!("fetch chart `{}` {} from `{}`", chart.chart, chart.version, chart.repository);
    let repository = chart.repository.trim_end_matches('/');
    let address = format!("{repository}/{}", chart.chart);
    let mut arguments = match repository.starts_with(REGISTRY) {
        true => vec!["pull", &address],
        false => vec!["pull", &chart.chart, "--repo", repository],
    };
    arguments.extend(["--version", &chart.version, "--destination"]);
    let mut arguments: Vec<&OsStr> = arguments.into_iter().map(OsStr::new).collect();
    arguments.push(scratch.path().as_ref());
    helm::run(&arguments, "", &tried).await?;
    let archive = only_file(scratch.path()).await.map_err(unusable)?;
    let found = digest(&fs::read(&archive).await.map_err(unusable)?);
    if !found.eq_ignore_ascii_case(&chart.digest) {
        let message = format!(
            "chart `{}` {} from `{}` is another one than the environment names: its digest is {found}, not {}",
            chart.chart, chart.version, chart.repository, chart.digest
        );
        return Err(Error::new(Class::Refused, message).with_hint(
            "a published version should never change: find out why it did before you write its digest down",
        ));
    }
    fs::rename(&archive, &kept).await.map_err(unusable)?;
    Ok(kept)
}

fn file_name(chart: &ChartSource) -> String {
    format!("{}.tgz", chart.digest.trim_start_matches("sha256:").to_ascii_lowercase())
}

async fn is_it(archive: &Path, chart: &ChartSource) -> bool {
    fs::read(archive).await.is_ok_and(|bytes| digest(&bytes).eq_ignore_ascii_case(&chart.digest))
}

/// As registries write it: `sha256:` and hexadecimal digits.
fn digest(bytes: &[u8]) -> String {
    let digits: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

async fn only_file(folder: &Path) -> io::Result<PathBuf> {
    let entry = fs::read_dir(folder).await?.next_entry().await?;
    entry.map(|entry| entry.path()).ok_or_else(|| io::Error::other("helm left no archive behind"))
}
