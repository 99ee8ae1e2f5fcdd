//! The sandbox's virtual time: persisted between runs, and faster than real time by a factor.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_async::time::TimeSource;
use jiff::Timestamp;
use tokio::time::Instant;

/// A clock that starts at a given moment and runs `speed` times as fast as tokio's.
///
/// Under tokio's paused clock it passes as soon as everything waits. Cloning gives the same clock.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    start: Timestamp,
    began: Instant,
    speed: f64,
}

impl Clock {
    /// A clock that reads `start` now. `speed` 1 is real time; 200 plays ten minutes in three seconds.
    pub fn starting_at(start: Timestamp, speed: f64) -> Self {
        Self(Arc::new(Inner { start, began: Instant::now(), speed: speed.max(f64::MIN_POSITIVE) }))
    }

    /// The virtual time.
    pub fn now(&self) -> Timestamp {
        // Beyond the calendar's end time stands still.
        self.0.start.checked_add(self.elapsed()).unwrap_or(Timestamp::MAX)
    }

    /// Virtual time since the clock was made.
    pub fn elapsed(&self) -> Duration {
        Duration::try_from_secs_f64(self.0.began.elapsed().as_secs_f64() * self.0.speed)
            .unwrap_or(Duration::MAX)
    }

    /// Completes after `duration` of virtual time.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else waits by")]
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static {
        let real =
            Duration::try_from_secs_f64(duration.as_secs_f64() / self.0.speed).unwrap_or(Duration::MAX);
        tokio::time::sleep(real)
    }
}

/// The SDK's sleeps and retries go by this clock.
impl AsyncSleep for Clock {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(Clock::sleep(self, duration))
    }
}

/// The SDK's waiters and signatures go by this clock.
impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        let since_epoch = u64::try_from(Clock::now(self).as_millisecond()).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_millis(since_epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_fast_clock_passes_more_virtual_time() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let clock = Clock::starting_at(start, 60.0);
        let real = Instant::now();
        clock.sleep(Duration::from_secs(600)).await;
        assert_eq!(real.elapsed(), Duration::from_secs(10));
        assert_eq!(clock.now().duration_since(start).as_secs(), 600);
    }
}
