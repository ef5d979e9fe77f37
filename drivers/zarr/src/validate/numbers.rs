//! Numbers of any type, compared and added without loss.

use std::cmp::Ordering;

use zagg_core::Values;

/// One value of an array. Those of one array are of one kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Integer(i128),
    Float(f64),
}

impl Number {
    /// A value of an array.
    pub(super) fn at(values: &Values, i: usize) -> Option<Self> {
        macro_rules! arms {
            ($($float:ident)*; $($integer:ident)*) => {
                match values {
                    $(Values::$float(v) => v.get(i).map(|&x| Self::Float(x.into())),)*
                    $(Values::$integer(v) => v.get(i).map(|&x| Self::Integer(x.into())),)*
                }
            };
        }
        arms!(Float32 Float64; Bool Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64)
    }

    pub(super) fn is_nan(self) -> bool {
        matches!(self, Self::Float(x) if x.is_nan())
    }

    /// Whether it is the fill value: NaN is NaN.
    pub(super) fn is(self, other: Self) -> bool {
        self == other || self.is_nan() && other.is_nan()
    }

    /// Whether it is less than another one.
    pub(super) fn is_less(self, other: Self) -> bool {
        self.order(other) == Some(Ordering::Less)
    }

    fn as_f64(self) -> f64 {
        match self {
            Self::Integer(n) => n as f64,
            Self::Float(x) => x,
        }
    }

    fn order(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(&b)),
            (a, b) => a.as_f64().partial_cmp(&b.as_f64()),
        }
    }

    fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => Self::Integer(a.saturating_add(b)),
            (a, b) => Self::Float(a.as_f64() + b.as_f64()),
        }
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Integer(n) => n.fmt(f),
            Self::Float(x) => x.fmt(f),
        }
    }
}

/// How the value of a cell follows from those of its descendants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Their sum: counts.
    Sum,
    /// The least of them.
    Least,
    /// The greatest of them.
    Greatest,
}

/// What the descendants of a cell have.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Gathered {
    /// By the rule, over those that are neither fill nor NaN.
    value: Option<Number>,
    /// Whether one is NaN that may be a result.
    nan: bool,
}

impl Gathered {
    /// Takes the value of a descendant. `empty`: a count says that it has no row, so that its NaN is no result.
    pub(super) fn add(&mut self, rule: Rule, value: Number, fill: Number, empty: bool) {
        if value.is_nan() {
            self.nan |= !empty;
            return;
        }
        if value.is(fill) {
            return;
        }
        self.value = Some(match (rule, self.value) {
            (_, None) => value,
            (Rule::Sum, Some(sum)) => sum.plus(value),
            (Rule::Least, Some(least)) => {
                if value.order(least) == Some(Ordering::Less) {
                    value
                } else {
                    least
                }
            }
            (Rule::Greatest, Some(greatest)) => {
                if value.order(greatest) == Some(Ordering::Greater) {
                    value
                } else {
                    greatest
                }
            }
        });
    }

    /// Takes what other descendants have.
    pub(super) fn merge(&mut self, rule: Rule, other: Self, fill: Number) {
        self.nan |= other.nan;
        if let Some(value) = other.value {
            self.add(rule, value, fill, false);
        }
    }

    /// Whether a cell may have this value. A result that happens to be the fill value looks like an empty cell, and so does
    /// NaN where that is the fill value: what cannot be told apart agrees.
    pub(super) fn agrees(&self, rule: Rule, value: Number, fill: Number) -> bool {
        match self.value {
            None => value.is(fill) || value.is_nan() && self.nan,
            Some(expected) if value.is_nan() => self.nan && !expected.is_nan(),
            Some(expected) if value.is(fill) => match rule {
                // Counts of cells with rows are positive.
                Rule::Sum => false,
                Rule::Least => value.order(expected) != Some(Ordering::Greater),
                Rule::Greatest => value.order(expected) != Some(Ordering::Less),
            },
            Some(expected) => match (rule, expected, value) {
                // A count in a floating-point array is rounded.
                (Rule::Sum, Number::Float(a), Number::Float(b)) => (a - b).abs() <= 1e-6 * a.abs(),
                _ => value.is(expected),
            },
        }
    }

    /// For messages.
    pub(super) fn text(&self, fill: Number) -> String {
        self.value.map_or_else(|| format!("nothing ({fill})"), |value| value.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILL: Number = Number::Float(f64::NAN);

    fn gathered(rule: Rule, values: &[f64], fill: Number) -> Gathered {
        let mut all = Gathered::default();
        values.iter().for_each(|&x| all.add(rule, Number::Float(x), fill, false));
        all
    }

    #[test]
    fn the_least_and_the_greatest_and_what_looks_empty() {
        let nan = f64::NAN;
        for (rule, values, value, fill, agrees) in [
            (Rule::Least, &[3.0, 1.0, nan][..], 1.0, FILL, true),
            (Rule::Least, &[3.0, 1.0], 3.0, FILL, false),
            (Rule::Greatest, &[3.0, 1.0], 3.0, FILL, true),
            (Rule::Greatest, &[-0.0], 0.0, FILL, true),
            // NaN among the rows of a cell.
            (Rule::Least, &[3.0, nan], nan, FILL, true),
            (Rule::Least, &[3.0], nan, FILL, false),
            (Rule::Least, &[], nan, FILL, true),
            (Rule::Least, &[], 1.0, FILL, false),
            // A result that is the fill value.
            (Rule::Least, &[5.0, 0.0], 0.0, Number::Float(0.0), true),
            (Rule::Least, &[-5.0], 0.0, Number::Float(0.0), false),
            (Rule::Greatest, &[-5.0], 0.0, Number::Float(0.0), true),
            (Rule::Sum, &[2.0, 3.0], 5.0, Number::Float(0.0), true),
            (Rule::Sum, &[2.0, 3.0], 0.0, Number::Float(0.0), false),
            (Rule::Sum, &[2.0, 3.0], 4.0, Number::Float(0.0), false),
        ] {
            let all = gathered(rule, values, fill);
            assert_eq!(all.agrees(rule, Number::Float(value), fill), agrees, "{rule:?} {values:?} {value}");
        }
    }

    #[test]
    fn whole_numbers_lose_nothing() {
        let fill = Number::Integer(0);
        let mut all = Gathered::default();
        for n in [u64::MAX, 1, 0] {
            all.add(Rule::Sum, Number::at(&Values::UInt64(vec![n]), 0).unwrap(), fill, false);
        }
        assert!(all.agrees(Rule::Sum, Number::Integer(i128::from(u64::MAX) + 1), fill));
        assert!(!all.agrees(Rule::Sum, Number::Integer(i128::from(u64::MAX)), fill));
        let mut twice = all;
        twice.merge(Rule::Sum, all, fill);
        assert!(twice.agrees(Rule::Sum, Number::Integer(2 * (i128::from(u64::MAX) + 1)), fill));
    }
}
