//! The one place that waits: asking again until something has come about.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::StartError;
use crate::keeper::Keeper;

/// The most that anything in a start takes: machines that run tests are busy with others.
const LIMIT: Duration = Duration::from_secs(180);
/// The lines of a log that an error repeats.
const LINES: usize = 20;

/// Waits for as long as it takes until it is worth asking again.
#[expect(clippy::disallowed_methods, reason = "real servers keep real time")]
pub(crate) async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// Asks until the answer is not what is still in the way, a server has ended, or time is up. `server` is the one whose
/// log tells most about `what`. Real time passes, so the runtime's clock must not be paused.
pub async fn until<T>(
    keeper: &mut Keeper,
    what: &str,
    server: &'static str,
    mut ask: impl AsyncFnMut() -> Result<T, String>,
) -> Result<T, StartError> {
    let deadline = Instant::now() + LIMIT;
    let mut in_the_way = "no answer".to_owned();
    loop {
        match timeout_at(deadline, ask()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(reason)) => in_the_way = reason,
            Err(_) => {}
        }
        if let Some((server, status)) = keeper.ended().map_err(StartError::system("ask after a server"))? {
            return Err(StartError::Ended { server, status, log: end_of(&keeper.log(server)) });
        }
        if Instant::now() >= deadline {
            let log = end_of(&keeper.log(server));
            return Err(StartError::Late { what: what.to_owned(), limit: LIMIT, in_the_way, server, log });
        }
        pause().await;
    }
}

/// The last lines of a log.
fn end_of(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn keeper(script: &str) -> Keeper {
        let mut keeper = Keeper::new().unwrap();
        keeper.start("server", Path::new("/bin/sh"), &["-c".to_owned(), script.to_owned()]).unwrap();
        keeper
    }

    #[tokio::test]
    async fn an_answer_ends_the_waiting() {
        let mut keeper = keeper("exec sleep 600");
        let mut asked = 0;
        let answer = until(&mut keeper, "the third answer", "server", async || {
            asked += 1;
            if asked == 3 { Ok(asked) } else { Err("not yet".to_owned()) }
        });
        assert_eq!(answer.await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_server_that_ends_is_named_with_the_end_of_its_log() {
        let mut keeper = keeper("echo a line; echo the reason; exit 7");
        let error = until(&mut keeper, "an answer", "server", async || Err::<(), _>(String::new()));
        let error = error.await.unwrap_err().to_string();
        assert_eq!(error, "server ended with exit status: 7; the end of its log:\na line\nthe reason");
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_come_about_is_named_with_what_was_in_the_way() {
        let mut keeper = keeper("echo waiting for nothing; exec sleep 600");
        let error = until(&mut keeper, "an answer", "server", async || Err::<(), _>("no door".to_owned()));
        let error = error.await.unwrap_err().to_string();
        let expected = "an answer took longer than 180s: no door; the end of the log of server:\n";
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn only_the_end_of_a_long_log_is_told() {
        let log: String = (0..100).map(|line| format!("{line}\n")).collect();
        let told = end_of(&log);
        assert!(told.starts_with("80\n") && told.ends_with("\n99"), "{told}");
    }
}
