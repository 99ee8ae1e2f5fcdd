//! Lists that come in pages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{Answer, ApiError};

/// The page of `items` that starts where `token` says, and the token of the next one. `size` may be from 1 to `most`.
pub(crate) fn page<T>(
    items: Vec<T>,
    token: Option<&str>,
    size: Option<i32>,
    default: i32,
    most: i32,
) -> Answer<(Vec<T>, Option<String>)> {
    let size = size.unwrap_or(default);
    let invalid = |message: String| ApiError::new("InvalidParameterValue", message);
    if !(1..=most).contains(&size) {
        return Err(invalid(format!("The page size must be between 1 and {most}.")));
    }
    let size = usize::try_from(size).map_err(|error| invalid(error.to_string()))?;
    let start = match token {
        None => 0,
        Some(token) => read(token).ok_or_else(|| invalid("The pagination token is not valid.".to_owned()))?,
    };
    let is_more = items.len().saturating_sub(start) > size;
    let next = is_more.then(|| BASE64.encode((start + size).to_string()));
    Ok((items.into_iter().skip(start).take(size).collect(), next))
}

fn read(token: &str) -> Option<usize> {
    String::from_utf8(BASE64.decode(token).ok()?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_and_end() {
        let (first, token) = page(vec![1, 2, 3], None, Some(2), 10, 10).unwrap();
        let (second, end) = page(vec![1, 2, 3], token.as_deref(), Some(2), 10, 10).unwrap();
        assert_eq!((first, second, end), (vec![1, 2], vec![3], None));
    }

    #[test]
    fn a_wrong_size_or_token_is_refused() {
        assert!(page(vec![1], None, Some(0), 10, 10).is_err());
        assert!(page(vec![1], Some("x"), None, 10, 10).is_err());
    }
}
