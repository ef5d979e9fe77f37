//! How long a server asks to wait.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use zagg_core::time::parse_date;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What `Retry-After` says (RFC 9110, section 10.2.3): seconds, or a date. A date is compared with the `Date` of the same
/// answer where there is one, so that clocks need not agree.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let asked = text(headers, &RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = http_date(asked)?;
    let now = text(headers, &DATE).and_then(http_date).or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        Some(now.as_secs_f64())
    })?;
    Duration::try_from_secs_f64((until - now).max(0.0)).ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// Seconds since 1970 of a date like `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that is still written (RFC 9110, section
/// 5.6.7).
fn http_date(text: &str) -> Option<f64> {
    let mut words = text.split_once(", ")?.1.split(' ');
    let (day, month, year) = (words.next()?, words.next()?, words.next()?);
    let (clock, zone) = (words.next()?, words.next()?);
    if zone != "GMT" || words.next().is_some() {
        return None;
    }
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    parse_date(&format!("{year}-{month:02}-{day}T{clock}Z")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn after(headers: &[(&HeaderName, &str)]) -> Option<u64> {
        let map = headers.iter().map(|(name, value)| ((*name).clone(), value.parse().unwrap())).collect();
        retry_after(&map).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_and_dates_are_waited_for() {
        assert_eq!(after(&[(&RETRY_AFTER, " 17 ")]), Some(17));
        let now = (&DATE, "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(after(&[(&RETRY_AFTER, "Sun, 06 Nov 1994 08:50:07 GMT"), now]), Some(30));
        assert_eq!(after(&[(&RETRY_AFTER, "Sat, 05 Nov 1994 08:50:07 GMT"), now]), Some(0));
        // By the clock of this machine otherwise.
        assert_eq!(after(&[(&RETRY_AFTER, "Sun, 06 Nov 1994 08:50:07 GMT")]), Some(0));
        for bad in ["", "-1", "soon", "Sun, 31 Feb 1994 08:50:07 GMT", "Sun, 06 Nov 1994 08:50:07 CET", "1.5"]
        {
            assert_eq!(after(&[(&RETRY_AFTER, bad), now]), None, "{bad}");
        }
        assert_eq!(after(&[now]), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_not(text in "([A-Z][a-z]{2}, )?[ -~]{0,40}") {
            after(&[(&RETRY_AFTER, &text)]);
        }
    }
}
