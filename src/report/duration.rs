//! Durations as people read them.

use std::time::Duration;

/// `850ms`, `12s`, `4m05s` or `1h02m`.
pub fn readable(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{}ms", duration.as_millis()),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_length_has_its_units() {
        let read = |millis| readable(Duration::from_millis(millis));
        assert_eq!(read(850), "850ms");
        assert_eq!(read(12_900), "12s");
        assert_eq!(read(245_000), "4m05s");
        assert_eq!(read(3_725_000), "1h02m");
    }
}
