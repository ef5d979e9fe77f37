//! Names of ICESat-2 granules, and the orbit cycles that they tell.
//!
//! NSIDC names a granule `ATL06_20230816161508_08782002_006_02.h5`: product, UTC date and time of its first observation,
//! reference ground track (`0878`), cycle (`20`), region of the orbit (`02`), release (`006`) and version of the file in that
//! release (`02`); see the user guides of ATL03 and ATL06, section *File Naming Convention*. Sea-ice products have their
//! hemisphere after the product (`ATL07-01_…`) and `01` as the region. Services that subset put words before or after the
//! name, such as `processed_ATL06_…` and `…_006_02_subsetted.h5`; both are read.
//!
//! # Dates of a cycle
//!
//! The satellite flies its 1,387 ground tracks in about 91 days. The Python zagg counts cycles of exactly 91 days from
//! 2018-10-13, the day of the first observations, and [`dates`] does as well: it is how people name a span of time. But
//! tracks were counted from 2018-09-28 on (the first granules there are belong to track 234 of cycle 1), and a turn takes
//! about four hours less than 91 days. So the name of a granule says cycle `N` from 14 days before the first of these dates
//! on (cycle 1) or from 20 days before (cycle 30), and no granule of cycle `N` was ever observed at their end: track 126 of
//! cycle 22, for one, is `ATL03_20231227014839_01262202_007_01.h5`, ten days before [`dates`] begin. [`window`] is the
//! span in which every granule of a cycle lies; whoever wants a cycle searches the window and lets the names decide.

use crate::error::{Error, Result};
use crate::time::parse_date;

/// Days of one cycle.
const DAYS: u32 = 91;
/// Seconds of a day.
const DAY: f64 = 86_400.0;
/// 2018-10-13, in seconds UTC since 1970.
const FIRST: f64 = 1_539_388_800.0;
/// Cycles that the two digits of a name can tell.
const CYCLES: std::ops::RangeInclusive<u32> = 1..=99;
/// Ground tracks of a cycle.
const TRACKS: u32 = 1387;
/// Regions of an orbit.
const REGIONS: u32 = 14;
/// Days by which the granules of a cycle may come before its dates. They come 14 days before in cycle 1 and 0.18 days
/// earlier in each that follows, which makes 32 days in cycle 99.
const AHEAD: f64 = 40.0;

/// What the name of an ICESat-2 granule says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Name<'a> {
    /// Product, such as `ATL06` or `ATL07-01`.
    pub product: &'a str,
    /// First observation, in seconds as [`crate::time`] counts them (UTC since 1970).
    pub time: f64,
    /// Reference ground track, 1 to 1387.
    pub track: u32,
    /// Orbit cycle, 1 to 99.
    pub cycle: u32,
    /// Region of the orbit, 1 to 14.
    pub region: u32,
    /// Release of the product with its leading zeros, where the name has it.
    pub release: Option<&'a str>,
    /// Version of the file in its release with its leading zeros, where the name has it.
    pub version: Option<&'a str>,
}

/// What the name of a granule says, if it is one of ICESat-2.
pub fn parse(id: &str) -> Option<Name<'_>> {
    // Folders may have such names as well; the file decides.
    let file = id.rsplit(['/', '\\']).next()?;
    file.match_indices("ATL")
        .filter(|&(at, _)| !file[..at].ends_with(|c: char| c.is_ascii_alphanumeric()))
        .find_map(|(at, _)| at_product(&file[at..]))
}

/// The cycle in the name of a granule, if it is one of ICESat-2.
pub fn of_name(id: &str) -> Option<u32> {
    parse(id).map(|name| name.cycle)
}

fn at_product(text: &str) -> Option<Name<'_>> {
    let stem = text.split_once('.').map_or(text, |(stem, _)| stem);
    let mut words = stem.split('_');
    let product = words.next().filter(|word| is_product(word))?;
    let time = words.next().and_then(time)?;
    let orbit = words.next().filter(|word| is_digits(word, 8))?;
    let (track, cycle, region) =
        (orbit[..4].parse().ok()?, orbit[4..6].parse().ok()?, orbit[6..].parse().ok()?);
    let is_orbit =
        (1..=TRACKS).contains(&track) && CYCLES.contains(&cycle) && (1..=REGIONS).contains(&region);
    let release = words.next().filter(|word| is_digits(word, 3));
    let version = release.and_then(|_| words.next()).filter(|word| is_digits(word, 2));
    is_orbit.then_some(Name { product, time, track, cycle, region, release, version })
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|b| b.is_ascii_digit())
}

/// `ATL06`, `ATL07-01`, `ATL03QL`: quick looks have the same names otherwise.
fn is_product(word: &str) -> bool {
    let Some(rest) = word.strip_prefix("ATL") else { return false };
    let Some((number, rest)) = rest.split_at_checked(2) else { return false };
    let is_known = matches!(rest, "" | "QL") || rest.strip_prefix('-').is_some_and(|part| is_digits(part, 2));
    is_digits(number, 2) && is_known
}

fn time(digits: &str) -> Option<f64> {
    if !is_digits(digits, 14) {
        return None;
    }
    let (date, clock) = digits.split_at(8);
    parse_date(&format!(
        "{}-{}-{}T{}:{}:{}",
        &date[..4],
        &date[4..6],
        &date[6..],
        &clock[..2],
        &clock[2..4],
        &clock[4..]
    ))
    .ok()
}

/// The dates that a cycle is known by: its first moment and the first moment after it, in seconds UTC since 1970. Cycle 22
/// is from 2024-01-06 up to but without 2024-04-06.
///
/// # Errors
/// When there is no such cycle: they count from 1 to 99.
pub fn dates(cycle: u32) -> Result<(f64, f64)> {
    if !CYCLES.contains(&cycle) {
        return Err(Error::input(format!(
            "there is no cycle {cycle}; the cycles of ICESat-2 count from {} to {}",
            CYCLES.start(),
            CYCLES.end()
        )));
    }
    let start = FIRST + f64::from((cycle - 1) * DAYS) * DAY;
    Ok((start, start + f64::from(DAYS) * DAY))
}

/// The span of time in which every granule lies whose name says this cycle, and some of its neighbours, in seconds UTC
/// since 1970, the end excluded.
///
/// # Errors
/// As [`dates`].
pub fn window(cycle: u32) -> Result<(f64, f64)> {
    let (start, end) = dates(cycle)?;
    Ok((start - AHEAD * DAY, end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_nsidc_are_read() {
        let name = parse("ATL06_20230816161508_08782002_006_02.h5").unwrap();
        assert_eq!((name.product, name.track, name.cycle, name.region), ("ATL06", 878, 20, 2));
        assert_eq!((name.release, name.version), (Some("006"), Some("02")));
        assert_eq!(name.time, parse_date("2023-08-16T16:15:08").unwrap());
        for id in [
            "processed_ATL06_20230816161508_08782002_006_02.h5",
            "ATL06_20230816161508_08782002_006_02_subsetted.h5",
            "s3://bucket/ATL06_20181014001049_02350102_006_02/ATL06_20230816161508_08782002_006_02.h5",
            "ATL07-01_20230816161508_08782001_006_02.h5",
            "ATL03QL_20230816161508_08782002_006_02.h5",
            "ATL06_20230816161508_08782002",
        ] {
            assert_eq!(of_name(id), Some(20), "{id}");
        }
    }

    #[test]
    fn other_names_say_no_cycle() {
        for id in [
            "",
            "ATL",
            "ATL06",
            "GEDI02_A_2019108002012_O01959_01_T03909_02_003_01_V002.h5",
            "SC:ATL06.005:228825416",
            "ATL11_005411_0315_006_03.h5",
            "XATL06_20230816161508_08782002_006_02.h5",
            "ATL06_20231316161508_08782002_006_02.h5",
            "ATL06_20230816161508_08780002_006_02.h5",
            "ATL06_20230816161508_00002002_006_02.h5",
            "ATL06_20230816161508_13882002_006_02.h5",
            "ATL06_20230816161508_08782015_006_02.h5",
            "ATL06_20230816161508_0878200é_006_02.h5",
            "ATLé_20230816161508_08782002_006_02.h5",
        ] {
            assert_eq!(parse(id), None, "{id}");
        }
    }

    #[test]
    fn cycles_have_dates() {
        let day = |date: &str| parse_date(date).unwrap();
        assert_eq!(dates(1).unwrap(), (day("2018-10-13"), day("2019-01-12")));
        assert_eq!(dates(22).unwrap(), (day("2024-01-06"), day("2024-04-06")));
        assert_eq!(dates(23).unwrap().0, dates(22).unwrap().1);
        for cycle in [0, 100, u32::MAX] {
            let error = dates(cycle).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("there is no cycle {cycle}; the cycles of ICESat-2 count from 1 to 99")
            );
            assert!(window(cycle).is_err());
        }
    }

    /// Granules that there are, by their names: the first and last tracks known of some cycles.
    #[test]
    fn the_window_of_a_cycle_holds_its_granules() {
        for id in [
            "ATL06_20181014001049_02350102_006_02.h5",
            "ATL06_20190101001723_00540210_209_01.h5",
            "ATL06_20190613193602_11690305_002_01.h5",
            "ATL03_20200103231215_01260602_007_01.h5",
            "ATL06_20200312233336_11800602_006_01.h5",
            "ATL03_20231227014839_01262202_007_01.h5",
            "ATL03_20251222150516_01263002_007_01.h5",
            "ATL03_20260217003304_09873006_007_01.h5",
        ] {
            let name = parse(id).unwrap();
            let (start, end) = window(name.cycle).unwrap();
            assert!(start <= name.time && name.time < end, "{id}");
            // A whole cycle around this granule, some days of which are not known.
            let turn = f64::from(DAYS) * DAY / f64::from(TRACKS);
            let first = name.time - f64::from(name.track) * turn;
            let last = name.time + f64::from(TRACKS - name.track + 1) * turn;
            assert!(start <= first && last < end, "{id}");
        }
    }

    proptest! {
        #[test]
        fn no_name_breaks_it(id in "(processed_)?(ATL)?[0-9]{0,3}[_A-Zé]{0,2}[0-9]{0,15}_?[0-9]{0,9}_?[0-9_.a-z]{0,12}") {
            let _ = parse(&id);
        }

        #[test]
        fn what_is_written_is_read(
            track in 1u32..=1387, cycle in 1u32..=99, region in 1u32..=14, before in "([a-z]{1,8}_)?", after in "(_[a-z]{1,8})?",
        ) {
            let id = format!("{before}ATL08_20210101000000_{track:04}{cycle:02}{region:02}_006_01{after}.h5");
            let name = parse(&id).unwrap();
            prop_assert_eq!((name.track, name.cycle, name.region), (track, cycle, region));
            prop_assert_eq!((name.release, name.version), (Some("006"), Some("01")));
        }
    }
}
