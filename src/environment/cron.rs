//! Cron expressions as Kubernetes CronJobs take them: five fields, or one of the macros
//! (<https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax>).

/// Macros that stand for a whole expression.
const MACROS: [&str; 7] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// One field of an expression: what it is, its range, and the names that its numbers have, the first for
/// `min`.
struct Field {
    name: &'static str,
    min: u32,
    max: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", min: 0, max: 59, names: &[] },
    Field { name: "hour", min: 0, max: 23, names: &[] },
    Field { name: "day of month", min: 1, max: 31, names: &[] },
    Field { name: "month", min: 1, max: 12, names: &MONTHS },
    Field { name: "day of week", min: 0, max: 6, names: &DAYS },
];

/// Checks an expression; the error says which part is wrong and what it may be.
pub(super) fn check(expression: &str) -> Result<(), String> {
    if expression.starts_with('@') {
        let known = MACROS.contains(&expression);
        return if known { Ok(()) } else { Err(format!("the macros are {}", MACROS.join(", "))) };
    }
    let parts: Vec<&str> = expression.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        return Err(format!(
            "it has {} fields; write five: minute, hour, day of month, month and day of week",
            parts.len()
        ));
    }
    FIELDS.iter().zip(parts).try_for_each(|(field, part)| {
        part.split(',').try_for_each(|item| {
            field.accepts(item).then_some(()).ok_or_else(|| {
                format!("`{item}` is no {}; it goes from {} to {}", field.name, field.min, field.max)
            })
        })
    })
}

impl Field {
    /// Whether `item` is `*`, `n` or `n-m`, each with an optional `/step`.
    fn accepts(&self, item: &str) -> bool {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        let good_step = step.is_none_or(|step| number(step).is_some_and(|step| step >= 1));
        let good_range = match range.split_once('-') {
            _ if range == "*" || range == "?" => true,
            Some((from, to)) => {
                matches!((self.value(from), self.value(to)), (Some(from), Some(to)) if from <= to)
            }
            None => self.value(range).is_some(),
        };
        good_step && good_range
    }

    fn value(&self, text: &str) -> Option<u32> {
        let lower = text.to_ascii_lowercase();
        let named = self.names.iter().position(|name| *name == lower);
        let value = match named {
            Some(index) => self.min + u32::try_from(index).ok()?,
            None => number(text)?,
        };
        (self.min..=self.max).contains(&value).then_some(value)
    }
}

fn number(text: &str) -> Option<u32> {
    text.chars().all(|c| c.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn expressions_of_kubernetes_are_accepted() {
        for good in [
            "* * * * *",
            "0 */6 * * *",
            "5,35 1-3 1 jan-MAR mon",
            "10-50/20 0 ? * 0",
            "0 0 1 * *",
            "@midnight",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn the_wrong_part_is_named() {
        let cases = [
            ("0 24 * * *", "`24` is no hour; it goes from 0 to 23"),
            ("0 0 0 * *", "`0` is no day of month; it goes from 1 to 31"),
            ("*/0 * * * *", "`*/0` is no minute; it goes from 0 to 59"),
            ("0 5-3 * * *", "`5-3` is no hour; it goes from 0 to 23"),
            ("0 0 * * +1", "`+1` is no day of week; it goes from 0 to 6"),
            ("0 0 * *", "it has 4 fields; write five: minute, hour, day of month, month and day of week"),
        ];
        for (bad, help) in cases {
            assert_eq!(check(bad), Err(help.to_owned()), "{bad}");
        }
        assert!(check("@often").is_err());
    }
}
