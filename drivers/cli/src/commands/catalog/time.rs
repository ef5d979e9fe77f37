//! When granules were observed: a cycle of ICESat-2, or days.

use serde_json::{Map, Value};
use zagg_core::Error;
use zagg_core::cycle;
use zagg_core::granule::Granule;
use zagg_core::time::{date_text, parse_date};

use crate::args::catalog::TimeArgs;
use crate::failure::Failure;

const DAY: f64 = 86_400.0;

/// The time that is asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Time {
    pub(super) cycle: Option<u32>,
    /// First day, as it was written or as a cycle has it.
    pub(super) start: Option<String>,
    /// Last day, which belongs to it; of a cycle the day after its last, as the original has it.
    pub(super) end: Option<String>,
    /// Seconds from which on granules are wanted, and up to but without which.
    from: Option<f64>,
    to: Option<f64>,
}

/// Whether a granule is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Wanted,
    OtherCycle,
    OtherDays,
}

impl Time {
    pub(super) fn of(args: &TimeArgs) -> Result<Self, Failure> {
        if let Some(text) = &args.cycle {
            if args.start_date.is_some() || args.end_date.is_some() {
                return Err(Failure::usage(
                    "a cycle has its own dates; give --cycle, or --start-date and --end-date",
                ));
            }
            let number: u32 = text.parse().map_err(|_| {
                Failure::usage(format!("--cycle {text}: not the number of a cycle, such as 22"))
            })?;
            let (from, to) =
                cycle::dates(number).map_err(|error| Failure::usage(format!("--cycle {text}: {error}")))?;
            return Ok(Self {
                cycle: Some(number),
                start: Some(day_of(from)),
                end: Some(day_of(to)),
                from: Some(from),
                to: Some(to),
            });
        }
        let from = args.start_date.as_deref().map(|text| day("--start-date", text)).transpose()?;
        let last = args.end_date.as_deref().map(|text| day("--end-date", text)).transpose()?;
        if let (Some(from), Some(last)) = (from, last)
            && last < from
        {
            return Err(Failure::usage(format!(
                "the dates are reversed: {} to {}; the first day comes first",
                day_of(from),
                day_of(last)
            )));
        }
        Ok(Self {
            cycle: None,
            start: from.map(day_of),
            end: last.map(day_of),
            from,
            to: last.map(|last| last + DAY),
        })
    }

    /// Whether any time is asked for.
    pub(super) fn is_given(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }

    /// Whether it has two ends.
    pub(super) fn is_closed(&self) -> bool {
        self.from.is_some() && self.to.is_some()
    }

    /// The span to search, of which the end is excluded: that of a cycle is longer than its dates, so that no granule is
    /// missed whose name says it.
    pub(super) fn span(&self) -> Result<(Option<f64>, Option<f64>), Error> {
        match self.cycle {
            Some(number) => cycle::window(number).map(|(from, to)| (Some(from), Some(to))),
            None => Ok((self.from, self.to)),
        }
    }

    /// Whether a granule is wanted. Names decide over cycles; a granule whose name says none is wanted when it begins within
    /// the dates of the cycle. Among days it is enough that a granule touches them, and one without a time may.
    pub(super) fn verdict(&self, granule: &Granule) -> Verdict {
        let name = cycle::parse(&granule.id);
        let time = |text: &Option<String>| text.as_deref().and_then(moment);
        let begin = time(&granule.time_start).or(name.map(|name| name.time));
        if let Some(wanted) = self.cycle {
            let is_wanted = match name {
                Some(name) => name.cycle == wanted,
                None => begin.is_some_and(|begin| Some(begin) >= self.from && Some(begin) < self.to),
            };
            return if is_wanted { Verdict::Wanted } else { Verdict::OtherCycle };
        }
        let end = time(&granule.time_end).or(begin);
        let is_before = end.zip(self.from).is_some_and(|(end, from)| end < from);
        let is_after = begin.zip(self.to).is_some_and(|(begin, to)| begin >= to);
        if is_before || is_after { Verdict::OtherDays } else { Verdict::Wanted }
    }

    /// What the map's metadata say of it, in the original's words.
    pub(super) fn describe(&self, metadata: &mut Map<String, Value>) {
        for (key, value) in [("start_date", &self.start), ("end_date", &self.end)] {
            if let Some(value) = value {
                metadata.insert(key.into(), value.clone().into());
            }
        }
        if let Some(number) = self.cycle {
            metadata.insert("cycle".into(), number.into());
        } else if self.is_given() {
            metadata.shift_remove("cycle");
        }
    }

    /// The same for people, when there is anything to say.
    pub(super) fn text(&self) -> Option<String> {
        let (start, end) = (self.start.as_deref(), self.end.as_deref());
        match (self.cycle, start, end) {
            (Some(cycle), ..) => Some(format!("cycle {cycle}")),
            (None, Some(start), Some(end)) => Some(format!("{start} to {end}")),
            (None, Some(start), None) => Some(format!("from {start} on")),
            (None, None, Some(end)) => Some(format!("up to {end}")),
            (None, None, None) => None,
        }
    }
}

/// A moment of a catalog; some write the offset of UTC as `+00:00`.
fn moment(text: &str) -> Option<f64> {
    parse_date(text.strip_suffix("+00:00").unwrap_or(text)).ok()
}

fn day(flag: &str, text: &str) -> Result<f64, Failure> {
    let is_day = text.len() == "2024-01-06".len();
    parse_date(text)
        .ok()
        .filter(|_| is_day)
        .ok_or_else(|| Failure::usage(format!("{flag} {text}: not a day; write it as 2024-01-06")))
}

fn day_of(seconds: f64) -> String {
    date_text(seconds).chars().take_while(|&c| c != 'T').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(cycle: Option<&str>, start: Option<&str>, end: Option<&str>) -> Result<Time, String> {
        let text = |text: Option<&str>| text.map(str::to_string);
        let args = TimeArgs { cycle: text(cycle), start_date: text(start), end_date: text(end) };
        Time::of(&args).map_err(|failure| {
            assert_eq!(failure.code, crate::failure::USAGE);
            failure.message
        })
    }

    fn granule(id: &str, start: &str, end: &str) -> Granule {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_string());
        Granule { id: id.into(), time_start: some(start), time_end: some(end), ..Granule::default() }
    }

    #[test]
    fn the_last_day_belongs_to_the_days() {
        let days = time(None, Some("2024-01-06"), Some("2024-01-07")).unwrap();
        assert_eq!(days.span().unwrap(), (Some(1_704_499_200.0), Some(1_704_672_000.0)));
        for (start, end, verdict) in [
            ("2024-01-07T23:59:59.9Z", "2024-01-08T00:05:00Z", Verdict::Wanted),
            ("2024-01-08T00:00:00+00:00", "2024-01-08T00:05:00Z", Verdict::OtherDays),
            ("2024-01-05T23:58:00Z", "2024-01-06T00:03:00Z", Verdict::Wanted),
            ("2024-01-05T23:58:00Z", "2024-01-05T23:59:59.5Z", Verdict::OtherDays),
            ("", "", Verdict::Wanted),
        ] {
            assert_eq!(days.verdict(&granule("a.h5", start, end)), verdict, "{start} {end}");
        }
        // A name tells the time as well.
        let named = granule("ATL06_20240108000000_02612211_006_01.h5", "", "");
        assert_eq!(days.verdict(&named), Verdict::OtherDays);
        assert_eq!(days.text().unwrap(), "2024-01-06 to 2024-01-07");
    }

    #[test]
    fn names_decide_over_cycles() {
        let cycle = time(Some("22"), None, None).unwrap();
        assert_eq!((cycle.start.as_deref(), cycle.end.as_deref()), (Some("2024-01-06"), Some("2024-04-06")));
        let verdict = |id: &str, start: &str| cycle.verdict(&granule(id, start, ""));
        // Ten days before the dates, and yet of this cycle.
        assert_eq!(verdict("ATL03_20231227014839_01262202_007_01.h5", ""), Verdict::Wanted);
        assert_eq!(verdict("ATL03_20240326212751_01262302_007_01.h5", ""), Verdict::OtherCycle);
        assert_eq!(verdict("a.h5", "2024-01-06T00:00:00Z"), Verdict::Wanted);
        assert_eq!(verdict("a.h5", "2024-04-06T00:00:00Z"), Verdict::OtherCycle);
        assert_eq!(verdict("a.h5", ""), Verdict::OtherCycle);
        let (from, to) = cycle.span().unwrap();
        assert!(from < Some(1_703_641_719.0) && to == Some(1_712_361_600.0));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for (cycle, start, end, message) in [
            (
                Some("0"),
                None,
                None,
                "--cycle 0: there is no cycle 0; the cycles of ICESat-2 count from 1 to 99",
            ),
            (Some("-1"), None, None, "--cycle -1: not the number of a cycle, such as 22"),
            (Some("22.5"), None, None, "--cycle 22.5: not the number of a cycle, such as 22"),
            (
                Some("22"),
                Some("2024-01-06"),
                None,
                "a cycle has its own dates; give --cycle, or --start-date and --end-date",
            ),
            (None, Some("6.1.2024"), None, "--start-date 6.1.2024: not a day; write it as 2024-01-06"),
            (None, None, Some("2024-02-30"), "--end-date 2024-02-30: not a day; write it as 2024-01-06"),
            (
                None,
                Some("2024-01-06T00:00"),
                None,
                "--start-date 2024-01-06T00:00: not a day; write it as 2024-01-06",
            ),
            (
                None,
                Some("2024-01-07"),
                Some("2024-01-06"),
                "the dates are reversed: 2024-01-07 to 2024-01-06; the first day comes first",
            ),
        ] {
            assert_eq!(time(cycle, start, end).unwrap_err(), message);
        }
    }
}
