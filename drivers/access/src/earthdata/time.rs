//! The dates that Earthdata writes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment like `2021-01-27 00:50:09+00:00`, also with `T`, `Z` or fractions of a second, from 1970 on.
pub(super) fn moment(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    let bytes = text.as_bytes();
    if !text.is_ascii() || bytes.len() < 19 || !matches!(bytes[10], b' ' | b'T' | b't') {
        return None;
    }
    let (date, clock, rest) = (&text[..10], &text[11..19], &text[19..]);
    let (date, clock) = (numbers(date, '-', [4, 2, 2])?, numbers(clock, ':', [2, 2, 2])?);
    let day = day_number(date[0], date[1], date[2])?;
    if clock[0] > 23 || clock[1] > 59 || clock[2] > 60 {
        return None;
    }
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    let offset = match rest {
        "" | "Z" | "z" => 0,
        _ => {
            let sign = if rest.starts_with('+') { 1 } else { -1 };
            let digits = rest.strip_prefix(['+', '-'])?;
            let [hours, minutes] = numbers(digits, ':', [2, 2])?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            sign * i64::try_from(hours * 3600 + minutes * 60).ok()?
        }
    };
    let seconds = clock[0] * 3600 + clock[1] * 60 + clock[2];
    let seconds = i64::try_from(day * 86_400 + seconds).ok()? - offset;
    Some(UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).ok()?))
}

/// The start of a day like `10/31/2025`, month first, in UTC.
pub(super) fn american_day(text: &str) -> Option<SystemTime> {
    let [month, day, year] = numbers(text.trim(), '/', [2, 2, 4])?;
    Some(UNIX_EPOCH + Duration::from_secs(day_number(year, month, day)? * 86_400))
}

/// Numbers of exactly so many digits with a separator between them.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[u64; N]> {
    let mut parts = text.split(separator);
    let mut values = [0; N];
    for (value, digits) in values.iter_mut().zip(digits) {
        let part = parts.next()?;
        if part.len() != digits || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *value = part.parse().ok()?;
    }
    parts.next().is_none().then_some(values)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn day_number(year: u64, month: u64, day: u64) -> Option<u64> {
    const LENGTHS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let month = usize::try_from(month.checked_sub(1)?).ok()?;
    let length = LENGTHS.get(month)? + u64::from(leap && month == 1);
    if year < 1970 || day < 1 || day > length {
        return None;
    }
    let before = |year: u64| year * 365 + year / 4 - year / 100 + year / 400;
    let months: u64 = LENGTHS[..month].iter().sum::<u64>() + u64::from(leap && month > 1);
    Some(before(year - 1) - before(1969) + months + day - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(text: &str) -> Option<u64> {
        moment(text).map(|moment| moment.duration_since(UNIX_EPOCH).unwrap().as_secs())
    }

    #[test]
    fn the_spellings_of_the_archives_are_read() {
        for text in [
            "2021-01-27 00:50:09+00:00",
            "2021-01-27T00:50:09Z",
            "2021-01-27 00:50:09",
            "2021-01-27T00:50:09.123456+00:00",
            "2021-01-27 02:20:09+01:30",
            " 2021-01-26T23:50:09-01:00 ",
        ] {
            assert_eq!(seconds(text), Some(1_611_708_609), "{text}");
        }
        assert_eq!(seconds("2024-02-29 00:00:00+00:00"), Some(1_709_164_800));
        assert_eq!(seconds("2100-03-01 00:00:00Z"), Some(4_107_542_400));
        assert_eq!(american_day("12/15/2021"), moment("2021-12-15 00:00:00Z"));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "2021-01-27",
            "2021-13-27 00:50:09",
            "2021-02-29 00:00:00",
            "2021-01-27 24:00:00",
            "1969-12-31 00:00:00",
            "2021-01-27 00:50:09+99:00",
            "2021-01-27 00:50:09 UTC",
            "2021/01/27 00:50:09",
            "2o21-01-27 00:50:09",
            "1970-01-01 00:00:00+01:00",
            "2021-01-27_00:50:09",
            "ää21-01-27 00:50:09",
            "+021-01-27 00:50:09",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
        for text in ["1/1/2021", "13/01/2021", "2021-01-01", "02/30/2021", "01/01/2021/1"] {
            assert_eq!(american_day(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = (moment(&text), american_day(&text));
        }

        /// Against a day counted one by one.
        #[test]
        fn days_follow_each_other(day in 0u64..60_000) {
            let (mut year, mut month, mut of_month) = (1970u64, 1u64, 1u64);
            for _ in 0..day {
                if day_number(year, month, of_month + 1).is_some() {
                    of_month += 1;
                } else {
                    of_month = 1;
                    month = month % 12 + 1;
                    year += u64::from(month == 1);
                }
            }
            prop_assert_eq!(day_number(year, month, of_month), Some(day));
        }
    }
}
