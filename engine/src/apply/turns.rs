//! Turns at making a changing request: so many at a time, and of those who wait the most urgent goes next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

/// Gives out turns.
#[derive(Clone)]
pub(super) struct Turns(Arc<Mutex<Queue>>);

struct Queue {
    free: usize,
    arrivals: u64,
    waiting: BinaryHeap<Waiting>,
}

struct Waiting {
    rank: (Duration, Reverse<u64>),
    grant: oneshot::Sender<Turn>,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

/// The right to make one request; given back when dropped.
pub(super) struct Turn(Turns);

impl Turns {
    /// Gives out `at_a_time` turns at a time, at least one.
    pub fn new(at_a_time: usize) -> Self {
        let (arrivals, waiting) = (0, BinaryHeap::new());
        Self(Arc::new(Mutex::new(Queue { free: at_a_time.max(1), arrivals, waiting })))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn; among those who wait, the greatest priority goes first.
    pub async fn take(&self, priority: Duration) -> Turn {
        loop {
            let granted = {
                let mut queue = self.queue();
                if queue.free > 0 {
                    queue.free -= 1;
                    return Turn(self.clone());
                }
                let (grant, granted) = oneshot::channel();
                let rank = (priority, Reverse(queue.arrivals));
                queue.arrivals += 1;
                queue.waiting.push(Waiting { rank, grant });
                granted
            };
            // A grant is only dropped with the queue, which this borrows.
            if let Ok(turn) = granted.await {
                return turn;
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = {
            let mut queue = self.0.queue();
            loop {
                match queue.waiting.pop() {
                    Some(waiting) if waiting.grant.is_closed() => {}
                    Some(waiting) => break waiting,
                    None => {
                        queue.free += 1;
                        return;
                    }
                }
            }
        };
        // One who has just stopped waiting hands the turn back by dropping it.
        drop(next.grant.send(Turn(self.0.clone())));
    }
}
