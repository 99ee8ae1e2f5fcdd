//! Filters of lists, as EC2 and its neighbours take them
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html>).
//!
//! Values of one filter are alternatives, filters are conditions that all hold; `*` stands for any characters, `?` for
//! one; `tag:KEY` matches a tag's value, `tag-key` its presence. A name that the list does not know is an error, whether
//! or not there is anything to list.

use super::{Answer, ApiError, Tags};

/// A filter's name and the values that it lets pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Such as `vpc-id` or `tag:Name`.
    pub name: String,
    /// Alternatives, with wildcards.
    pub values: Vec<String>,
}

/// A filter that a list knows: its name, and the values that an item has under it.
pub(crate) type Field<T> = (&'static str, fn(&T) -> Vec<String>);

/// The filters that a list knows besides those of tags.
pub(crate) type Fields<T> = [Field<T>];

/// Keeps the items that all filters let pass. `tags` gives an item's tags.
pub(crate) fn keep<T>(
    items: impl IntoIterator<Item = T>,
    filters: &[Filter],
    fields: &Fields<T>,
    tags: impl Fn(&T) -> Tags,
) -> Answer<Vec<T>> {
    let known = |name: &str| fields.iter().find(|(field, _)| *field == name).map(|(_, values)| values);
    for Filter { name, .. } in filters {
        if !name.starts_with("tag:") && name != "tag-key" && known(name).is_none() {
            return Err(ApiError::new("InvalidParameterValue", format!("The filter '{name}' is invalid")));
        }
    }
    let passes = |item: &T, filter: &Filter| {
        let values: Vec<String> = if let Some(key) = filter.name.strip_prefix("tag:") {
            tags(item).remove(key).into_iter().collect()
        } else if filter.name == "tag-key" {
            tags(item).into_keys().collect()
        } else {
            known(&filter.name).map(|values| values(item)).unwrap_or_default()
        };
        values.iter().any(|value| filter.values.iter().any(|pattern| matches(pattern, value)))
    };
    Ok(items.into_iter().filter(|item| filters.iter().all(|filter| passes(item, filter))).collect())
}

/// Whether `text` matches a pattern with `*`, `?`, and `\` before one that is meant literally.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    matches_from(&pattern, &text)
}

fn matches_from(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], text) => text.is_empty(),
        (['*', rest @ ..], text) => {
            matches_from(rest, text)
                || text.split_first().is_some_and(|(_, text)| matches_from(pattern, text))
        }
        (['?', rest @ ..], [_, text @ ..]) => matches_from(rest, text),
        (['\\', literal @ ('*' | '?' | '\\'), rest @ ..], [first, text @ ..]) => {
            literal == first && matches_from(rest, text)
        }
        ([literal, rest @ ..], [first, text @ ..]) => literal == first && matches_from(rest, text),
        _ => false,
    }
}

/// One value, or none when absent.
pub(crate) fn one<T: ToString>(value: Option<T>) -> Vec<String> {
    value.map(|value| value.to_string()).into_iter().collect()
}

/// The value under each of several parts, where they have one.
pub(crate) fn each<'a, T: 'a, V: ToString>(
    parts: &'a [T],
    value: impl Fn(&'a T) -> Option<V>,
) -> Vec<String> {
    parts.iter().filter_map(value).map(|value| value.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("a", "a", true),
            ("a", "A", false),
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn an_unknown_name_is_refused_even_when_there_is_nothing_to_list() {
        let filter = Filter { name: "colour".into(), values: vec!["red".into()] };
        let error = keep(Vec::<u8>::new(), &[filter], &[], |_| Tags::new()).unwrap_err();
        assert_eq!(error.code, "InvalidParameterValue");
    }
}
