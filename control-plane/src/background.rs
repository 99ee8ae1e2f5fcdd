//! Work that goes on while a test waits for a process.
//!
//! A test that runs a command blocks its thread, and with it everything that runs in its runtime. So what has to serve
//! the command in the meantime has a thread and a runtime of its own.

use std::future::Future;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

/// Work on a thread of its own. Dropping it stops the work where it waits, and waits until it has stopped.
#[derive(Debug)]
pub(crate) struct Background {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts what `work` makes; what that spawns ends with it.
    pub fn start<F: Future<Output = ()>>(work: impl FnOnce() -> F + Send + 'static) -> Self {
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                tokio::select! {
                    () = work() => {}
                    _ = stopped => {}
                }
            });
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        // That it panicked has been printed, and what it did not do will be missed.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn it_goes_on_without_the_caller_and_ends_with_it() {
        let (says, said) = channel();
        let background = Background::start(move || async move {
            says.send("started").unwrap();
            std::future::pending::<()>().await;
        });
        assert_eq!(said.recv(), Ok("started"));
        drop(background);
        assert!(said.recv().is_err());
    }
}
