//! Time as the engine sees it: real, or a simulation's.

use std::time::Duration;

use futures::future::BoxFuture;

/// A source of time and a way to wait. A simulation brings one that runs faster.
pub trait Clock: Send + Sync {
    /// Time since a fixed point of the clock's own choice; never goes back.
    fn now(&self) -> Duration;
    /// Completes after `duration` of this clock.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// Real time.
pub struct RealTime {
    start: tokio::time::Instant,
}

impl Default for RealTime {
    fn default() -> Self {
        Self { start: tokio::time::Instant::now() }
    }
}

impl Clock for RealTime {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else waits by")]
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
