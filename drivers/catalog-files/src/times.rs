//! Times of granules: ISO 8601 text and microseconds since 1970.

use zagg_core::time::parse_date;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Microseconds since 1970-01-01T00:00:00 UTC of a time such as `2018-10-14T03:19:24.370Z` or
/// `2018-10-14T03:19:24.370000+00:00`; digits beyond microseconds are cut off. `None` when it is no such text.
pub(crate) fn micros(text: &str) -> Option<i64> {
    let text = text.trim();
    let (text, offset) = split_offset(text)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let seconds = parse_date(whole).ok()?;
    // Whole seconds of the years 0 to 9999.
    Some((seconds as i64 - offset) * 1_000_000 + fraction)
}

/// Seconds since 1970-01-01T00:00:00 UTC.
pub(crate) fn seconds(text: &str) -> Option<f64> {
    micros(text).map(|micros| micros as f64 / 1e6)
}

/// The text without its offset from UTC, and the offset in seconds.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(text) = text.strip_suffix(['Z', 'z']) {
        return Some((text, 0));
    }
    let time = text.find(['T', ' ']).unwrap_or(text.len());
    let Some(at) = text[time..].find(['+', '-']).map(|at| time + at) else {
        return Some((text, 0));
    };
    let digits: String = text[at + 1..].chars().filter(|&c| c != ':').collect();
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let hours: i64 = digits[..2].parse().ok()?;
    let minutes: i64 = if digits.len() == 4 { digits[2..].parse().ok()? } else { 0 };
    let seconds = hours * 3600 + minutes * 60;
    Some((&text[..at], if text.as_bytes()[at] == b'-' { -seconds } else { seconds }))
}

/// The text of a moment as catalogs of NASA write it: `2018-10-14T03:19:24.370Z`, with six digits where three do not do.
/// `None` outside of the years 0 to 9999.
pub(crate) fn text(micros: i64) -> Option<String> {
    let (day, rest) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
    let (second, fraction) = (rest / 1_000_000, rest % 1_000_000);
    // Days since 0000-03-01, in which a leap day is the last of its year: eras of 400 years have 146,097 days.
    let shifted = day.checked_add(719_468)?;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    if !(0..=9999).contains(&year) {
        return None;
    }
    let clock = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    let fraction =
        if fraction % 1000 == 0 { format!("{:03}", fraction / 1000) } else { format!("{fraction:06}") };
    Some(format!("{year:04}-{month:02}-{day:02}T{clock}.{fraction}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_way_of_writing_a_time_is_read() {
        let at = 1_539_487_164_370_000;
        for text in [
            "2018-10-14T03:19:24.370Z",
            "2018-10-14T03:19:24.370000+00:00",
            "2018-10-14 03:19:24.37",
            "2018-10-14T05:49:24.3700009+02:30",
            "2018-10-13T22:19:24.370-05",
        ] {
            assert_eq!(micros(text), Some(at), "{text}");
        }
        assert_eq!(text(at).as_deref(), Some("2018-10-14T03:19:24.370Z"));
        assert_eq!(text(at + 1).as_deref(), Some("2018-10-14T03:19:24.370001Z"));
        assert_eq!(micros("2018-10-14"), Some(1_539_475_200_000_000));
        assert_eq!(seconds("1970-01-01T00:00:00.5Z"), Some(0.5));
        for text in ["", "now", "2018-10-14T03:19:24.Z", "2018-10-14T03:19:24+0", "2018-10-14T03:19:24+é1"] {
            assert_eq!(micros(text), None, "{text}");
        }
        assert_eq!(text(i64::MAX), None);
        assert_eq!(text(i64::MIN), None);
    }

    proptest! {
        #[test]
        fn times_come_back(at in -62_167_219_200_000_000..253_402_300_800_000_000_i64) {
            prop_assert_eq!(micros(&text(at).unwrap()), Some(at));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,30}") {
            let _ = micros(&text);
        }
    }
}
