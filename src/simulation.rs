//! The sandbox as the commands use it: which world belongs to an environment, its time, and stand-ins for credentials.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::future::BoxFuture;
use holodeck_sandbox::fault::{Faults, Rule};
use holodeck_sandbox::{Options, Sandbox};
use secrecy::SecretString;
use tokio::runtime::{Builder, Runtime};

use crate::cli::Global;
use crate::commands::Failure;
use crate::environment::Environment;
use crate::report;
use crate::secret::{self, SecretError, SecretReference, SecretSource};

/// The virtual time at which a fresh world begins.
const BEGINNING: jiff::Timestamp = jiff::Timestamp::constant(1_767_225_600, 0);

/// At least this often the simulation looks whether it is interrupted.
const LONGEST_REST: Duration = Duration::from_millis(100);

/// Opens the world of `environment`, or makes a fresh one.
pub fn open(global: &Global, environment: &Environment) -> Result<Sandbox, Failure> {
    let rules = global.sandbox_fault.iter().map(|text| text.parse::<Rule>()).collect::<Result<Vec<_>, _>>();
    let rules = rules.map_err(|error| Failure::Message(error.to_string(), None))?;
    let place = environment.provider.settings().simulated().unwrap_or_default();
    let options = Options {
        account: place.account,
        region: place.region,
        start: BEGINNING,
        speed: 1.0,
        faults: Faults::new(rules),
        on_stop: Arc::new(|| report::stop_as_killed()),
    };
    let folder = global.sandbox_dir.join(&environment.name);
    Sandbox::open(&folder, options).map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Failure::Message(format!("{error}{cause}"), None)
    })
}

/// A runtime in which only waiting takes time, and passes `speed` times as fast as real time.
///
/// Tokio's paused clock jumps to the next timer whenever nothing else is left to do, so what this program computes costs
/// no simulated time, however slow the machine. Before each jump the thread rests until real time has caught up.
pub fn runtime(speed: f64) -> io::Result<Runtime> {
    let pace: OnceLock<(Instant, tokio::time::Instant)> = OnceLock::new();
    let rest = move || {
        let (real, simulated) = pace.get_or_init(|| (Instant::now(), tokio::time::Instant::now()));
        let due =
            Duration::try_from_secs_f64(simulated.elapsed().as_secs_f64() / speed).unwrap_or(Duration::ZERO);
        if let Some(ahead) = due.checked_sub(real.elapsed()) {
            #[expect(clippy::disallowed_methods, reason = "nothing else is left to do on this thread")]
            std::thread::sleep(ahead.min(LONGEST_REST));
        }
    };
    Builder::new_current_thread().enable_all().start_paused(true).on_thread_park(rest).build()
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
