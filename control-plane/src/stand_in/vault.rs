//! Plays Vault: what would run in the pods of its servers, where port-forwards reach it.
//!
//! Every server listens on a port of loopback of its own, by which the servers are told apart, and shows the certificate
//! of the Secret that its pod mounts. What it answers is what the simulated Vault answers (`holodeck_sandbox::vault`).

mod installed;
mod player;
mod server;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::Client;

use crate::background::Background;
use crate::ledger::{Fault, Ledger, Request};
use crate::{Forward, StartError};
use installed::Installed;

/// Where Vault is.
const NAMESPACE: &str = "vault";
/// The pods of its servers, of which an environment has some.
const SERVERS: [&str; 5] = ["vault-0", "vault-1", "vault-2", "vault-3", "vault-4"];
/// The port of a server in its pod.
const PORT: u16 = 8200;

/// The player of Vault, on a thread of its own. It plays until it is dropped.
#[derive(Debug)]
pub struct VaultServers {
    shared: Arc<Shared>,
    _play: Background,
}

/// What the player tells of what it does.
#[derive(Debug, Default)]
struct Shared {
    ledger: Ledger,
    installed: Mutex<Installed>,
}

impl Shared {
    fn installed(&self) -> MutexGuard<'_, Installed> {
        self.installed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Plays the servers of Vault in namespace `vault`, whose pods are `vault-0` and so on. The control plane must have nodes.
/// Pods, the Secret `vault-server-tls` and the ConfigMap `vault-config`, which may name a seal, may come later, or go.
///
/// Vault stays initialised as long as one of the claims `data-vault-…` is there on which it was. A pod that is made anew is
/// a server that starts anew. By the time that a server answers, the labels of the pods tell what became of the request.
///
/// # Errors
/// Port-forwards cannot be led to it.
pub fn vault(config: &kube::Config) -> Result<VaultServers, StartError> {
    let mut listeners = Vec::new();
    for server in SERVERS {
        listeners.push((server, listener().map_err(StartError::system("listen on a port"))?));
    }
    let shared = Arc::<Shared>::default();
    let (tell, told) = channel();
    let (config, played) = (config.clone(), Arc::clone(&shared));
    let play = Background::start(move || async move {
        let client = Client::try_from(config).expect("access that the control plane was started with");
        let led = lead(&client, &listeners).await;
        let is_led = led.is_ok();
        // Whoever waits for this is gone only with the whole process.
        let _ = tell.send(led);
        if is_led {
            player::play(client, listeners, played).await;
        }
    });
    let led = told.recv().map_err(StartError::unusable("the stand-in's thread"))?;
    led.map_err(StartError::unusable("kwok's kind ClusterPortForward"))?;
    Ok(VaultServers { shared, _play: play })
}

fn listener() -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Leads port-forwards of each server's pod to its listener.
async fn lead(client: &Client, listeners: &[(&str, TcpListener)]) -> Result<(), String> {
    for (pod, listener) in listeners {
        let to = listener.local_addr().map_err(|error| error.to_string())?.port();
        Forward { namespace: NAMESPACE, pod, port: PORT, to }.establish(client).await?;
    }
    Ok(())
}

impl VaultServers {
    /// The requests since the start or the last [`VaultServers::reset`], in the order in which they came.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.ledger.requests()
    }

    /// How many of them change something.
    pub fn changes(&self) -> usize {
        self.shared.ledger.changes()
    }

    /// Makes one request go wrong, once. Another fault for the same request takes its place.
    pub fn arm(&self, fault: Fault) {
        self.shared.ledger.arm(fault);
    }

    /// Forgets the requests and the faults, and counts from the beginning. What Vault holds stays.
    pub fn reset(&self) {
        self.shared.ledger.reset();
    }

    /// Whether Vault is initialised.
    pub fn is_initialized(&self) -> bool {
        self.shared.installed().is_initialized()
    }

    /// Whether a server, known by its pod's name, is sealed, as one is that does not run.
    pub fn is_sealed(&self, server: &str) -> bool {
        self.shared.installed().is_sealed(server)
    }
}
