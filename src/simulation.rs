//! The sandbox as the commands use it: which world belongs to an environment, its time, and stand-ins for credentials.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use holodeck_sandbox::fault::{Faults, Rule};
use holodeck_sandbox::{Options, Sandbox};
use secrecy::SecretString;

use crate::cli::Global;
use crate::commands::Failure;
use crate::environment::{Environment, Provider};
use crate::report;
use crate::secret::{self, SecretError, SecretReference, SecretSource};

/// The virtual time at which a fresh world begins.
const BEGINNING: jiff::Timestamp = jiff::Timestamp::constant(1_767_225_600, 0);

/// Opens the world of `environment`, or makes a fresh one.
pub fn open(global: &Global, environment: &Environment) -> Result<Sandbox, Failure> {
    let rules = global.sandbox_fault.iter().map(|text| text.parse::<Rule>()).collect::<Result<Vec<_>, _>>();
    let rules = rules.map_err(|error| Failure::Message(error.to_string(), None))?;
    let Provider::Aws(settings) = &environment.provider;
    let options = Options {
        account: settings.account.clone(),
        region: settings.region.clone(),
        start: BEGINNING,
        speed: global.sandbox_speed,
        faults: Faults::new(rules),
        on_stop: Arc::new(|| report::stop_as_killed()),
    };
    let folder = global.sandbox_dir.join(&environment.name);
    Sandbox::open(&folder, options).map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Failure::Message(format!("{error}{cause}"), None)
    })
}

/// The engine's view of the sandbox's clock.
pub struct VirtualTime(pub holodeck_sandbox::Clock);

impl holodeck_engine::Clock for VirtualTime {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(self.0.sleep(duration))
    }
}

/// Stand-ins for all credentials: real ones have no business in a simulated world.
#[derive(Clone, Copy, Debug, Default)]
pub struct StandIns;

#[async_trait]
impl SecretSource for StandIns {
    async fn resolve(&self, reference: &SecretReference) -> Result<SecretString, SecretError> {
        Ok(SecretString::from(format!("stand-in for {}", secret::text_of(reference))))
    }
}
