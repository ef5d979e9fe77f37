//! Dates, and the scales in which missions count seconds.
//!
//! Times are seconds since 1970-01-01T00:00:00 UTC in float64, each day having 86,400 of them, as in POSIX: a leap second has
//! the same number as the second after it. Near the present a float64 tells 0.24 microseconds apart.
//!
//! Leap seconds are those of IERS Bulletin C up to the one of 2017-01-01, the last one announced. Before 1972 UTC had no
//! whole offset from TAI; that of 1972, 10 seconds, is used.

use crate::error::{Error, Result};

/// Days with a new offset of UTC from TAI, with that offset in seconds.
const LEAPS: [(i64, u32, i64); 28] = [
    (1972, 1, 10),
    (1972, 7, 11),
    (1973, 1, 12),
    (1974, 1, 13),
    (1975, 1, 14),
    (1976, 1, 15),
    (1977, 1, 16),
    (1978, 1, 17),
    (1979, 1, 18),
    (1980, 1, 19),
    (1981, 7, 20),
    (1982, 7, 21),
    (1983, 7, 22),
    (1985, 7, 23),
    (1988, 1, 24),
    (1990, 1, 25),
    (1991, 1, 26),
    (1992, 7, 27),
    (1993, 7, 28),
    (1994, 7, 29),
    (1996, 1, 30),
    (1997, 7, 31),
    (1999, 1, 32),
    (2006, 1, 33),
    (2009, 1, 34),
    (2012, 7, 35),
    (2015, 7, 36),
    (2017, 1, 37),
];

/// Seconds by which TAI is ahead of GPS time.
const TAI_AHEAD_OF_GPS: f64 = 19.0;

/// A scale in which seconds are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Every day has 86,400 seconds.
    Utc,
    /// Without leap seconds, 19 seconds behind TAI.
    Gps,
    /// Without leap seconds.
    Tai,
}

impl Scale {
    /// The scale of that name: `utc`, `gps` or `tai`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "utc" => Some(Self::Utc),
            "gps" => Some(Self::Gps),
            "tai" => Some(Self::Tai),
            _ => None,
        }
    }
}

/// A moment from which a mission counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch {
    /// Seconds since 1970-01-01T00:00:00 TAI.
    tai: f64,
}

impl Epoch {
    /// Where the count of GPS weeks starts: 1980-01-06T00:00:00 UTC.
    pub const GPS: Self = Self { tai: 315_964_800.0 + TAI_AHEAD_OF_GPS };

    /// A date as [`parse_date`] reads it, which is UTC unless `TAI` or `GPS` stands behind it: what a clock of that scale
    /// shows then.
    ///
    /// # Errors
    /// When it is no date.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let tai = if let Some(date) = text.strip_suffix("TAI") {
            parse_date(date)?
        } else if let Some(date) = text.strip_suffix("GPS") {
            parse_date(date)? + TAI_AHEAD_OF_GPS
        } else {
            let utc = parse_date(text)?;
            utc + offset(utc, false)
        };
        Ok(Self { tai })
    }

    /// The moment so many seconds without leap seconds later.
    #[must_use]
    pub fn after(self, seconds: f64) -> Self {
        Self { tai: self.tai + seconds }
    }

    /// UTC, so many seconds of a scale after this moment. What is not finite stays so.
    pub fn utc(self, seconds: f64, scale: Scale) -> f64 {
        let at = match scale {
            Scale::Utc => self.tai,
            Scale::Gps | Scale::Tai => self.tai + seconds,
        };
        // The offset goes off the epoch first: both are whole as a rule, so that only one sum is rounded.
        (self.tai - offset(at, true)) + seconds
    }
}

/// By how many seconds TAI is ahead of UTC at a moment, which is given in TAI or in UTC.
fn offset(at: f64, is_tai: bool) -> f64 {
    let begins = |&&(year, month, offset): &&(i64, u32, i64)| {
        let begin = (days(year, month, 1) * 86_400) as f64;
        at >= begin + if is_tai { offset as f64 } else { 0.0 }
    };
    LEAPS.iter().rev().find(begins).map_or(10.0, |leap| leap.2 as f64)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, whose year is not before 0.
fn days(year: i64, month: u32, day: u32) -> i64 {
    // Years begin in March here, so that a leap day is the last of its year.
    let (year, month) =
        if month > 2 { (year, i64::from(month) - 3) } else { (year - 1, i64::from(month) + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + i64::from(day) - 719_469
}

/// The date of a number of seconds since 1970-01-01T00:00:00 UTC, as `2018-11-05T06:30:15Z`; parts of a second are dropped.
/// What is not in the years 0 to 9999 becomes the nearest date that is.
pub fn date_text(seconds: f64) -> String {
    const LAST: i64 = 253_402_300_799;
    const FIRST: i64 = -62_167_219_200;
    let seconds = (seconds.floor() as i64).clamp(FIRST, LAST);
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 0000-03-01, in eras of 400 years that end with a leap day.
    let day = day + 719_468;
    let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + next;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// Seconds since 1970-01-01T00:00:00 UTC of a date such as `2018-11-05`, `2018-11-05T06:30`, `2018-11-05 06:30:15.25Z`.
///
/// # Errors
/// When it is none.
pub fn parse_date(text: &str) -> Result<f64> {
    read_date(text.trim())
        .ok_or_else(|| Error::input(format!("{text:?} is no date; write it as 2018-11-05T06:30:15Z")))
}

fn read_date(text: &str) -> Option<f64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, time),
        None => (text, "00:00:00"),
    };
    let number = |text: &str, digits: usize| -> Option<u32> {
        (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
    };
    let mut parts = date.split('-');
    let (year, month, day) =
        (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if parts.next().is_some() || day == 0 || day > last {
        return None;
    }
    let mut parts = time.split(':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let (second, fraction) = match parts.next() {
        None => (0, 0.0),
        Some(seconds) => match seconds.split_once('.') {
            None => (number(seconds, 2)?, 0.0),
            Some((whole, digits)) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                (number(whole, 2)?, format!("0.{digits}").parse().ok()?)
            }
            Some(_) => return None,
        },
    };
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days(i64::from(year), month, day);
    Some((days * 86_400 + i64::from(hour * 3600 + minute * 60 + second)) as f64 + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_seconds_since_1970() {
        for (text, seconds) in [
            ("1970-01-01", 0.0),
            ("1969-12-31T23:59:59Z", -1.0),
            ("2018-01-01T00:00:00Z", 1_514_764_800.0),
            ("2000-02-29 12:30", 951_827_400.0),
            ("2024-12-31T23:59:59.25", 1_735_689_599.25),
            ("0001-01-01", -62_135_596_800.0),
            ("9999-12-31", 253_402_214_400.0),
        ] {
            assert_eq!(parse_date(text).unwrap(), seconds, "{text}");
        }
        for text in [
            "",
            "2018",
            "2018-13-01",
            "2018-02-29",
            "1900-02-29",
            "2018-1-1",
            "2018-01-01T24:00",
            "2018-01-01T1:2",
            "2018-01-01T00:00:00.",
            "2018-01-01T00:00:00+01:00",
            "2018-01-01-01",
            "+018-01-01",
            "2018-01-01T",
            "é",
        ] {
            let error = parse_date(text).unwrap_err().to_string();
            assert!(error.ends_with("is no date; write it as 2018-11-05T06:30:15Z"), "{error}");
        }
    }

    #[test]
    fn dates_are_written_as_they_are_read() {
        // Every day of a cycle of the calendar, and then some seconds of each.
        for day in -146_097..146_097_i64 {
            let seconds = (day * 86_400 + day.rem_euclid(86_400)) as f64;
            assert_eq!(parse_date(&date_text(seconds)).unwrap(), seconds);
        }
        assert_eq!(date_text(1_539_388_799.9), "2018-10-12T23:59:59Z");
        assert_eq!(date_text(-1e300), "0000-01-01T00:00:00Z");
        assert_eq!(date_text(f64::INFINITY), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn scales_agree_where_they_must() {
        // The epoch of ATLAS, told as a date and in GPS seconds; leap seconds before it do not count.
        let date = Epoch::parse("2018-01-01T00:00:00Z").unwrap();
        assert_eq!(date, Epoch::GPS.after(1_198_800_018.0));
        for scale in [Scale::Utc, Scale::Gps, Scale::Tai] {
            assert_eq!(date.utc(1000.5, scale), 1_514_765_800.5);
        }
        assert_eq!(Epoch::parse("1980-01-06").unwrap(), Epoch::GPS);
        assert_eq!(Epoch::parse("1980-01-06 GPS").unwrap(), Epoch::GPS);
        // A clock that shows TAI is 32 seconds ahead at the turn of 2000.
        let cryosat = Epoch::parse("2000-01-01 00:00:00.0 TAI").unwrap();
        assert_eq!(cryosat.utc(0.0, Scale::Tai), parse_date("1999-12-31T23:59:28").unwrap());
        assert_eq!(cryosat.utc(623_603_612.0, Scale::Tai), parse_date("2019-10-05T15:12:55").unwrap());
    }

    #[test]
    fn a_leap_second_has_the_number_of_the_next() {
        let before = Epoch::parse("2016-12-31T23:59:58Z").unwrap();
        let new_year = parse_date("2017-01-01").unwrap();
        let at = |seconds| before.utc(seconds, Scale::Gps) - new_year;
        assert_eq!([at(0.0), at(1.0), at(2.0), at(2.5), at(3.0), at(4.0)], [-2.0, -1.0, 0.0, 0.5, 0.0, 1.0]);
        assert_eq!(before.utc(2.0, Scale::Utc) - new_year, 0.0);
        assert_eq!(Epoch::parse("2017-01-01").unwrap().utc(0.0, Scale::Tai), new_year);
        assert!(before.utc(f64::NAN, Scale::Gps).is_nan());
        assert_eq!(before.utc(f64::INFINITY, Scale::Gps), f64::INFINITY);
    }
}
