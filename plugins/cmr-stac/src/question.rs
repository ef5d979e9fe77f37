//! The question, checked before anybody is asked.

use serde_json::{Map, Value, json};
use zagg_core::catalog::Query;
use zagg_core::suggest::did_you_mean;
use zagg_core::{Error, Result};

use crate::area::Asked;

/// Where CMR is.
const ENDPOINT: &str = "https://cmr.earthdata.nasa.gov";
/// Where NSIDC's granules are catalogued.
const PROVIDER: &str = "NSIDC_CPRD";
/// Settings that a query may bring.
const OPTIONS: [&str; 1] = ["endpoint"];
/// The years that a date can say, seconds since 1970.
const TIMES: std::ops::RangeInclusive<f64> = -62_135_596_800.0..=253_402_300_800.0;

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) short_name: String,
    pub(crate) version: String,
    pub(crate) provider: String,
    /// First and last millisecond wanted, since 1970.
    pub(crate) start: Option<i64>,
    pub(crate) end: Option<i64>,
    pub(crate) cycle: Option<u32>,
    pub(crate) asked: Asked,
    pub(crate) endpoint: String,
}

impl Question {
    /// Checks a query.
    ///
    /// # Errors
    /// Names what is missing, unknown or none.
    pub(crate) fn new(query: &Query) -> Result<Self> {
        if !query.files.is_empty() {
            return Err(Error::input("this catalog knows no files; catalogue them with local-files"));
        }
        let short_name = name(query.short_name.as_deref(), "short_name", "such as ATL06")?;
        let version = name(query.version.as_deref(), "version", "such as 007")?;
        let provider = name(query.provider.as_deref().or(Some(PROVIDER)), "provider", "such as NSIDC_CPRD")?;
        let millisecond = |seconds: Option<f64>, round: fn(f64) -> f64, what: &str| match seconds {
            Some(seconds) if !TIMES.contains(&seconds) => {
                Err(Error::input(format!("{what}: {seconds} seconds since 1970 is no date")))
            }
            other => Ok(other.map(|seconds| round(seconds * 1000.0) as i64)),
        };
        let start = millisecond(query.start, f64::floor, "start")?;
        // CMR takes ends as included, to the millisecond.
        let end = millisecond(query.end, f64::ceil, "end")?.map(|end| end - 1);
        if let (Some(start), Some(end)) = (start, end)
            && start > end
        {
            return Err(Error::input("the end of the time is not after its start"));
        }
        let asked = Asked::new(query.area.as_ref())?;
        let endpoint = endpoint(&query.options)?;
        Ok(Self { short_name, version, provider, start, end, cycle: query.cycle, asked, endpoint })
    }

    /// `ATL06_007`: the collection in CMR-STAC.
    pub(crate) fn collection(&self) -> String {
        format!("{}_{}", self.short_name, self.version)
    }

    /// First and last moment, as ISO 8601; none when all of time is wanted.
    pub(crate) fn times(&self) -> Option<(Option<String>, Option<String>)> {
        let times = (self.start.map(iso), self.end.map(iso));
        (times != (None, None)).then_some(times)
    }

    /// What identifies the search, as the original writes it.
    pub(crate) fn metadata(&self) -> Map<String, Value> {
        let mut metadata = Map::new();
        let mut put = |name: &str, value: Value| metadata.insert(name.to_string(), value);
        put("provider", self.provider.as_str().into());
        put("collection", self.collection().into());
        put("short_name", self.short_name.as_str().into());
        put("version", self.version.as_str().into());
        let whole_days = |at: Option<i64>| at.is_none_or(|at| at.rem_euclid(86_400_000) == 0);
        let is_days = whole_days(self.start) && whole_days(self.end.map(|end| end + 1));
        let date = |at: Option<i64>| match at.map(iso) {
            None => Value::Null,
            Some(text) if is_days => text[..10].into(),
            Some(text) => text.into(),
        };
        put("start_date", date(self.start));
        put("end_date", date(self.end));
        put("bbox", self.asked.bbox.map_or(Value::Null, |edges| json!(edges)));
        if let Some(cycle) = self.cycle {
            put("cycle", cycle.into());
        }
        metadata
    }

    /// The question in words, for messages.
    pub(crate) fn in_words(&self) -> String {
        let mut words = format!("{} of {}", self.collection(), self.provider);
        if let Some(edges) = self.asked.bbox {
            let edges: Vec<String> =
                edges.iter().map(|edge| format!("{}", (edge * 1e4).round() / 1e4)).collect();
            words += &format!(" over {}", edges.join(","));
        }
        if let Some((start, end)) = self.times() {
            let open = || "..".to_string();
            words += &format!(" from {} to {}", start.unwrap_or_else(open), end.unwrap_or_else(open));
        }
        if let Some(cycle) = self.cycle {
            words += &format!(" in cycle {cycle}");
        }
        words
    }
}

/// A name of CMR's, which becomes part of an address.
fn name(text: Option<&str>, what: &str, example: &str) -> Result<String> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| Error::input(format!("{what} is missing; give one {example}")))?;
    let sound = |c: char| c.is_ascii_alphanumeric() || "_-. ".contains(c);
    if text.len() > 85 || !text.chars().all(sound) || text.chars().all(|c| c == '.') {
        return Err(Error::input(format!("{what} {text:?} is none; give one {example}")));
    }
    Ok(text.to_string())
}

fn endpoint(options: &Map<String, Value>) -> Result<String> {
    if let Some(unknown) = options.keys().find(|name| !OPTIONS.contains(&name.as_str())) {
        return Err(Error::input(format!(
            "unknown option {unknown:?} of the catalog{}; it knows {}",
            did_you_mean(unknown, OPTIONS),
            OPTIONS.join(", ")
        )));
    }
    match options.get("endpoint") {
        None | Some(Value::Null) => Ok(ENDPOINT.to_string()),
        Some(Value::String(text)) => {
            // People know the address of the STAC catalog as well.
            let text = text.trim().trim_end_matches('/');
            let root = ["/stac", "/cloudstac", "/search"].iter().find_map(|end| text.strip_suffix(end));
            Ok(root.unwrap_or(text).to_string())
        }
        Some(_) => {
            Err(Error::input("endpoint must be the text of a URL, such as https://cmr.earthdata.nasa.gov"))
        }
    }
}

/// Milliseconds since 1970 as `2024-01-06T00:00:00.000Z`.
fn iso(milliseconds: i64) -> String {
    let (days, rest) = (milliseconds.div_euclid(86_400_000), milliseconds.rem_euclid(86_400_000));
    // Years that begin in March, in eras of 400.
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + next;
    let (seconds, milli) = (rest / 1000, rest % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Text for the query of an address: everything but what is plain is encoded (RFC 3986, section 2).
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~,:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Names and values as the query of an address, or as the body of a form.
pub(crate) fn form(pairs: &[(String, String)]) -> String {
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zagg_core::footprint::Footprint;
    use zagg_core::time::parse_date;

    use super::*;

    fn query() -> Query {
        Query {
            short_name: Some("ATL06".into()),
            version: Some("007".into()),
            start: Some(parse_date("2024-01-06").unwrap()),
            end: Some(parse_date("2024-04-06").unwrap()),
            ..Query::default()
        }
    }

    #[test]
    fn the_end_is_excluded_and_metadata_say_days() {
        let question = Question::new(&query()).unwrap();
        let (start, end) = question.times().unwrap();
        assert_eq!(start.as_deref(), Some("2024-01-06T00:00:00.000Z"));
        assert_eq!(end.as_deref(), Some("2024-04-05T23:59:59.999Z"));
        let metadata = question.metadata();
        let wanted = json!({
            "provider": "NSIDC_CPRD", "collection": "ATL06_007", "short_name": "ATL06", "version": "007",
            "start_date": "2024-01-06", "end_date": "2024-04-05", "bbox": null,
        });
        assert_eq!(Value::Object(metadata), wanted);
        let end = Some(parse_date("2024-04-06T12:00").unwrap());
        let metadata = Question::new(&Query { end, ..query() }).unwrap().metadata();
        assert_eq!(metadata["end_date"], "2024-04-06T11:59:59.999Z");
        assert_eq!(Question::new(&Query { start: None, end: None, ..query() }).unwrap().times(), None);
    }

    #[test]
    fn questions_that_make_no_sense_are_refused() {
        let option = |name: &str, value: Value| [(name.to_string(), value)].into_iter().collect();
        let shards = Footprint::Shards(vec![1]);
        for (bad, says) in [
            (Query { short_name: None, ..query() }, "short_name is missing; give one such as ATL06"),
            (Query { version: None, ..query() }, "version is missing"),
            (Query { short_name: Some("../x".into()), ..query() }, "is none"),
            (Query { provider: Some("..".into()), ..query() }, "provider \"..\" is none"),
            (Query { end: query().start, ..query() }, "not after its start"),
            (Query { start: Some(f64::NAN), ..query() }, "is no date"),
            (Query { end: Some(1e300), ..query() }, "is no date"),
            (Query { files: vec!["x".into()], ..query() }, "local-files"),
            (Query { options: option("end_point", "x".into()), ..query() }, "did you mean \"endpoint\"?"),
            (Query { options: option("endpoint", 1.into()), ..query() }, "must be the text of a URL"),
            (Query { area: Some(shards), ..query() }, "shards of a grid"),
        ] {
            let error = Question::new(&bad).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        for text in ["https://x/stac/", "https://x/cloudstac", "https://x/search", "https://x"] {
            let query = Query { options: option("endpoint", text.into()), ..query() };
            assert_eq!(Question::new(&query).unwrap().endpoint, "https://x");
        }
    }

    #[test]
    fn addresses_hold_nothing_but_what_is_plain() {
        let pairs = [("polygon[]".to_string(), "1,-2.5".to_string()), ("a".into(), "{\"é\": 1}&b=c".into())];
        assert_eq!(form(&pairs), "polygon%5B%5D=1,-2.5&a=%7B%22%C3%A9%22:%201%7D%26b%3Dc");
    }

    proptest! {
        #[test]
        fn times_are_written_as_they_are_read(at in -62_135_596_800_000..253_402_300_800_000i64) {
            let text = iso(at);
            prop_assert!((parse_date(&text).unwrap() * 1000.0 - at as f64).abs() < 0.1, "{text}");
        }
    }
}
