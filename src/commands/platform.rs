//! From the name of an environment to everything that the commands work with.

use std::io::IsTerminal;
use std::sync::Arc;

use holodeck_engine::clock::RealTime;
use holodeck_engine::{Clock, Snapshot, observe};
use holodeck_sandbox::Sandbox;

use super::Failure;
use crate::charts::Charts;
use crate::cli::Global;
use crate::components;
use crate::desired::{Desired, desired};
use crate::environment::{self, Environment};
use crate::provider::Provider;
use crate::report::style::{CHANGE, DIM, HEADING, paint};
use crate::simulation::{self, VirtualTime};

/// An environment with its provider, and the graph of all that it should consist of.
pub struct Platform {
    /// The environment file.
    pub environment: Environment,
    /// What it runs on.
    pub provider: Box<dyn Provider>,
    /// What it should consist of.
    pub desired: Desired,
    /// The simulated cloud, unless the real one is meant.
    pub simulation: Option<Sandbox>,
    /// The time that counts.
    pub clock: Arc<dyn Clock>,
}

/// What time has brought about in a simulated world is kept, however the command ends.
impl Drop for Platform {
    fn drop(&mut self) {
        if let Some(sandbox) = &self.simulation
            && let Err(error) = sandbox.save()
        {
            anstream::eprintln!(
                "{}",
                paint(CHANGE, format_args!("the simulated world is not kept: {error}"))
            );
        }
    }
}

impl Platform {
    /// Loads the environment `name`, connects to its provider and declares what it consists of.
    pub async fn open(global: &Global, name: &str) -> Result<Self, Failure> {
        Self::open_with(global, name, Charts::Rendered(&global.charts)).await
    }

    /// The same for a command that makes nothing on the cluster: no chart has to be there, or helm.
    pub async fn open_without_charts(global: &Global, name: &str) -> Result<Self, Failure> {
        Self::open_with(global, name, Charts::LeftOut).await
    }

    async fn open_with(global: &Global, name: &str, charts: Charts<'_>) -> Result<Self, Failure> {
        let environment = environment::load(&global.environments, name)?;
        let simulation = match global.sandbox || environment.sandbox {
            true => Some(simulation::open(global, &environment)?),
            false => None,
        };
        let clock: Arc<dyn Clock> = match &simulation {
            Some(sandbox) => Arc::new(VirtualTime(sandbox.clock())),
            None => Arc::new(RealTime::default()),
        };
        let provider = environment.provider.settings().connect(&environment, simulation.as_ref()).await?;
        let desired = desired(&environment, provider.as_ref(), charts).await?;
        Ok(Self { environment, provider, desired, simulation, clock })
    }

    /// Looks at what exists.
    pub async fn observe(&self) -> Result<Snapshot, Failure> {
        Ok(observe::observe(&self.desired.graph).await?)
    }

    /// Looks at what exists before everything is removed. A cluster that cannot be reached goes with all that is on it,
    /// so it does not stand in the way.
    pub async fn observe_for_removal(&self) -> Result<Snapshot, Failure> {
        let (snapshot, unreachable) = observe::observe_for_removal(&self.desired.graph).await?;
        if let Some(error) = unreachable.first() {
            anstream::eprintln!("{}", paint(CHANGE, format_args!("{error}: {}", error.source.chain())));
            anstream::eprintln!("What is on the cluster cannot be seen; it goes with the cluster.\n");
        }
        Ok(snapshot)
    }

    /// Where people find things: what they are called, and their address.
    pub fn places(&self) -> Vec<(&'static str, String)> {
        let keys = self.place_of_vault_keys().map(|place| ("Vault keys", place.to_owned()));
        components::urls(&self.environment).into_iter().chain(keys).collect()
    }

    /// Where the keys of Vault are kept, where the environment has one.
    pub fn place_of_vault_keys(&self) -> Option<&str> {
        let has_vault = self.environment.components.vault.enabled;
        has_vault.then_some(self.desired.foundation.recovery_keys.location.as_str())
    }

    /// One line that tells which environment is worked on, and where.
    pub fn heading(&self) -> String {
        let facts: Vec<String> =
            self.provider.describe().into_iter().map(|(label, value)| format!("{label} {value}")).collect();
        let simulated = if self.simulation.is_some() { " · simulated" } else { "" };
        format!(
            "{} {}",
            paint(HEADING, &self.environment.name),
            paint(DIM, format_args!("· {}{simulated}", facts.join(" · ")))
        )
    }
}

/// Refuses to change anything without a question answered on a terminal, or `--yes`.
pub fn require_consent(yes: bool, command: &str) -> Result<(), Failure> {
    if yes || (std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Ok(());
    }
    Err(Failure::message(
        format!("`{command}` changes things and there is no terminal to ask on"),
        "look at `plan` first, then run it with `--yes`",
    ))
}

/// Asks a question that is answered by yes or no.
pub fn ask(question: &str) -> Result<bool, Failure> {
    dialoguer::Confirm::new()
        .with_prompt(question)
        .default(false)
        .interact()
        .map_err(|error| Failure::Message(format!("no answer: {error}"), None))
}

/// Asks for the name of an environment to be typed.
pub fn ask_for_name(name: &str) -> Result<bool, Failure> {
    let typed: String = dialoguer::Input::new()
        .with_prompt(format!("This environment is protected. Type its name ({name}) to go on"))
        .allow_empty(true)
        .interact_text()
        .map_err(|error| Failure::Message(format!("no answer: {error}"), None))?;
    Ok(typed == name)
}
