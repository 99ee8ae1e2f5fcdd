//! Quantities such as `500m`, `1Gi` and `2e3`: the server stores them in a canonical form of its own.
//! <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>

/// Whether the values in the field `name`, or below it, are quantities.
pub(super) fn stands_in(name: &str) -> bool {
    const FIELDS: &[&str] = &[
        "averageValue",
        "capacity",
        "default",
        "defaultRequest",
        "divisor",
        "hard",
        "limits",
        "maxLimitRequestRatio",
        "requests",
        "sizeLimit",
    ];
    FIELDS.contains(&name)
}

/// Whether two texts are the same quantity.
pub(super) fn are_equal(one: &str, other: &str) -> bool {
    matches!((nano(one), nano(other)), (Some(one), Some(other)) if one == other)
}

/// A quantity in units of 10⁻⁹, the finest that quantities have; `None` if it is none or does not fit.
fn nano(text: &str) -> Option<i128> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (digits, suffix) = unsigned.split_at(end);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
    let (base, exponent) = scale(suffix)?;
    let decimals = 9 - i32::try_from(fraction.len()).ok()?;
    let value = match base {
        Base::Two => shift(mantissa.checked_mul(1_i128.checked_shl(exponent as u32)?)?, decimals)?,
        Base::Ten => shift(mantissa, decimals + exponent)?,
    };
    Some(if negative { -value } else { value })
}

enum Base {
    Two,
    Ten,
}

fn scale(suffix: &str) -> Option<(Base, i32)> {
    Some(match suffix {
        "n" => (Base::Ten, -9),
        "u" => (Base::Ten, -6),
        "m" => (Base::Ten, -3),
        "" => (Base::Ten, 0),
        "k" => (Base::Ten, 3),
        "M" => (Base::Ten, 6),
        "G" => (Base::Ten, 9),
        "T" => (Base::Ten, 12),
        "P" => (Base::Ten, 15),
        "E" => (Base::Ten, 18),
        "Ki" => (Base::Two, 10),
        "Mi" => (Base::Two, 20),
        "Gi" => (Base::Two, 30),
        "Ti" => (Base::Two, 40),
        "Pi" => (Base::Two, 50),
        "Ei" => (Base::Two, 60),
        other => (Base::Ten, other.strip_prefix(['e', 'E'])?.parse().ok()?),
    })
}

/// `value · 10^by`; `None` if digits would be lost or it does not fit.
fn shift(value: i128, by: i32) -> Option<i128> {
    let power = 10_i128.checked_pow(by.unsigned_abs())?;
    if by >= 0 {
        value.checked_mul(power)
    } else if value % power == 0 {
        Some(value / power)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_quantity_has_several_spellings() {
        for (one, other) in [
            ("1000m", "1"),
            ("1", "1.0"),
            ("0.5", "500m"),
            ("1Gi", "1024Mi"),
            ("1.5Gi", "1536Mi"),
            ("2e3", "2k"),
            ("1E", "1000P"),
            ("-1", "-1000m"),
            (".5", "0.5"),
        ] {
            assert!(are_equal(one, other), "{one} and {other}");
        }
    }

    #[test]
    fn other_quantities_and_texts_differ() {
        for (one, other) in [
            ("1Gi", "1G"),
            ("1", "1m"),
            ("1", "-1"),
            ("a", "a"),
            ("", ""),
            ("1.2.3", "1.2.3"),
            ("1 Gi", "1Gi"),
        ] {
            assert!(!are_equal(one, other), "{one} and {other}");
        }
    }
}
