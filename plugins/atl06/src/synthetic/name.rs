//! The file names of ATL06 granules.

use std::str::FromStr;

use zagg_core::error::{Error, Result};

/// The parts of a file name such as `ATL06_20240105120000_03212411_006_01.h5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GranuleName {
    /// Seconds from 2018-01-01 00:00:00 UTC to the start of the granule.
    pub start: i64,
    /// Reference ground track, 1 to 1387.
    pub rgt: i16,
    /// Cycle of 91 days, from 1.
    pub cycle: i8,
    /// Region of the orbit, 1 to 14.
    pub region: i8,
    /// Data release.
    pub release: u16,
    /// Version within the release.
    pub version: u16,
}

impl FromStr for GranuleName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        parse(name).ok_or_else(|| {
            Error::input(format!(
                "{name:?} is no atl06 file name: use ATL06_YYYYMMDDhhmmss_rrrrccnn_vvv_vv.h5, such as \
                 ATL06_20240105120000_03212411_006_01.h5"
            ))
        })
    }
}

fn parse(name: &str) -> Option<GranuleName> {
    let fields: Vec<&str> = name.strip_prefix("ATL06_")?.strip_suffix(".h5")?.split('_').collect();
    let [time, orbit, release, version] = fields.try_into().ok()?;
    let lengths = [(time, 14), (orbit, 8), (release, 3), (version, 2)];
    if lengths.iter().any(|(text, length)| text.len() != *length || !text.bytes().all(|b| b.is_ascii_digit()))
    {
        return None;
    }
    let number = |text: &str| text.parse::<i64>().ok();
    let (year, month, day) = (number(&time[..4])?, number(&time[4..6])?, number(&time[6..8])?);
    let (hour, minute, second) = (number(&time[8..10])?, number(&time[10..12])?, number(&time[12..])?);
    let (rgt, cycle, region) = (number(&orbit[..4])?, number(&orbit[4..6])?, number(&orbit[6..])?);
    let valid = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && (1..=1387).contains(&rgt)
        && cycle > 0
        && (1..=14).contains(&region);
    valid.then_some(GranuleName {
        start: ((days(year, month, day) - days(2018, 1, 1)) * 24 + hour) * 3600 + minute * 60 + second,
        rgt: rgt as i16,
        cycle: cycle as i8,
        region: region as i8,
        release: number(release)? as u16,
        version: number(version)? as u16,
    })
}

/// Days of the Gregorian calendar from some fixed day on.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // The year starts in March, so that the leap day is its last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day
}

#[cfg(test)]
mod tests {
    use super::GranuleName;

    #[test]
    fn names_are_taken_apart() {
        let name: GranuleName = "ATL06_20240305010203_13872311_006_02.h5".parse().unwrap();
        // Six years with one leap day, and in 2024 January, February (29 days) and four days of March.
        let days = 6 * 365 + 1 + 31 + 29 + 4;
        let start = days * 86_400 + 3723;
        assert_eq!(name, GranuleName { start, rgt: 1387, cycle: 23, region: 11, release: 6, version: 2 });
    }

    #[test]
    fn other_names_are_refused() {
        for name in [
            "",
            "a.h5",
            "ATL03_20240305010203_13872311_006_02.h5",
            "ATL06_20241305010203_13872311_006_02.h5",
            "ATL06_20240305010203_13882311_006_02.h5",
            "ATL06_20240305010203_13872315_006_02.h5",
            "ATL06_20240305010203_13872311_006_02",
            "ATL06_2024030501020é_1387231_006_02.h5",
            "ATL06_20240305010203_13872311_006_02_x.h5",
        ] {
            let error = name.parse::<GranuleName>().unwrap_err();
            assert!(error.message().contains("no atl06 file name"), "{name}: {error}");
        }
    }
}
