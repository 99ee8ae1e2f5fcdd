//! `kubeconfig`: access to the environment's cluster.

use super::platform::Platform;
use super::{Ending, Failure};
use crate::cli::Global;

/// Runs the command.
pub async fn run(global: &Global, name: &str) -> Result<Ending, Failure> {
    let platform = Platform::open_without_charts(global, name).await?;
    let snapshot = platform.observe().await?;
    let kubeconfig = platform.provider.kubeconfig(&platform.environment, &snapshot)?;
    anstream::print!("{kubeconfig}");
    Ok(Ending::Fine)
}
