//! From an answer of a server to bytes of the object, everything checked.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderName};
use zagg_core::Error;
use zagg_core::range_reader::FIRST_READ;

use super::retry::Failure;
use super::{body, location_of};
use crate::earthdata::{Ask, Landed, Session, is_page};
use crate::remote::Answer;

/// Reads the answer to a request for a range.
///
/// # Errors
/// Names `location` and says what is wrong; never shows where a redirect led beyond host and path.
pub(super) async fn read(
    landed: Landed,
    ask: &Ask<'_>,
    location: &str,
    session: &Session,
    broken: &Broken,
) -> Result<Answer, Failure> {
    let Landed { response, url } = landed;
    let range = ask.range.clone().unwrap_or(0..u64::MAX);
    let etag = text(response.headers(), &ETAG).map(str::to_string);
    let status = response.status().as_u16();
    match status {
        200 | 206 => {}
        404 | 410 => return Err(Error::not_found(format!("{location}: no such object")).into()),
        412 => return Err(changed(location).into()),
        416 => return beyond_end(response.headers(), &range, etag, location),
        401 | 403 => {
            let at = location_of(&url);
            let at = if at == location { String::new() } else { format!(" at {at}") };
            return Err(Error::input(format!("{location}: access denied{at} with status {status}")).into());
        }
        _ => return Err(Error::io(format!("{location}: the server answers with status {status}")).into()),
    }
    if is_page(&response) {
        let error = if session.is_nasa(&url) {
            session.page_instead(&url).context(location)
        } else {
            Error::input(format!(
                "{location}: a web page came instead of data; is this the link to the file itself?"
            ))
        };
        return Err(error.into());
    }
    if text(response.headers(), &CONTENT_ENCODING)
        .is_some_and(|coding| !coding.eq_ignore_ascii_case("identity"))
    {
        return Err(Error::unsupported(format!(
            "{location}: the server sends it compressed though not asked to"
        ))
        .into());
    }
    if status == 200 {
        whole(response, &range, etag, location).await
    } else {
        part(response, &range, etag, location, broken).await
    }
}

/// What came of an answer that broke off: the start of a range, and of which object.
///
/// The rest is asked for in the next attempt; so even a link that never lasts for a whole answer gets there.
#[derive(Debug, Default)]
pub(super) struct Broken {
    kept: Mutex<Option<Answer>>,
    /// Whether the last attempt brought anything, kept or not.
    came: AtomicBool,
}

impl Broken {
    fn kept(&self) -> MutexGuard<'_, Option<Answer>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much came already, and its ETag.
    pub(super) fn start(&self) -> (u64, Option<String>) {
        self.kept().as_ref().map_or((0, None), |kept| (kept.bytes.len() as u64, kept.etag.clone()))
    }

    /// Whether bytes came since this was asked last.
    pub(super) fn progress(&self) -> bool {
        self.came.swap(false, Ordering::SeqCst)
    }

    fn keep(&self, bytes: Bytes, size: u64, etag: Option<&str>) {
        self.came.store(!bytes.is_empty(), Ordering::SeqCst);
        let mut kept = self.kept();
        let before = kept.take();
        // Without a strong ETag nobody can tell whether the rest will be of the same object.
        let Some(etag) = etag.filter(|etag| is_strong(etag)) else { return };
        let joined = match before {
            Some(before) if before.size == size && before.etag.as_deref() == Some(etag) => {
                join(&before.bytes, &bytes)
            }
            // The rest of another object: neither half is of any use.
            Some(_) => return,
            None => bytes,
        };
        *kept = Some(Answer { bytes: joined, size, etag: Some(etag.to_string()) });
    }

    /// Puts what came before in front of an answer to the rest.
    ///
    /// # Errors
    /// When the two are of different objects.
    pub(super) fn complete(&self, rest: Answer, location: &str) -> Result<Answer, Failure> {
        match self.kept().take() {
            None => Ok(rest),
            Some(before) if before.size == rest.size && before.etag == rest.etag => {
                Ok(Answer { bytes: join(&before.bytes, &rest.bytes), ..rest })
            }
            Some(_) => Err(changed(location).into()),
        }
    }
}

fn join(first: &Bytes, second: &Bytes) -> Bytes {
    let mut joined = BytesMut::with_capacity(first.len() + second.len());
    joined.extend_from_slice(first);
    joined.extend_from_slice(second);
    joined.freeze()
}

/// A range, as asked for.
async fn part(
    response: Response,
    range: &Range<u64>,
    etag: Option<String>,
    location: &str,
    broken: &Broken,
) -> Result<Answer, Failure> {
    let Some(sent) = text(response.headers(), &CONTENT_RANGE).and_then(parse_content_range) else {
        return Err(
            Error::corrupt(format!("{location}: the server sends a range without saying which")).into()
        );
    };
    let (Some(got), Some(size)) = sent else {
        return Err(Error::unsupported(format!(
            "{location}: the server does not say how long the object is"
        ))
        .into());
    };
    let wanted = range.start..range.end.min(size);
    if got != wanted {
        return Err(Error::corrupt(format!(
            "{location}: the server sends bytes {}..{} of {size} when asked for {}..{}",
            got.start, got.end, range.start, range.end
        ))
        .into());
    }
    let length = usize::try_from(got.end - got.start)
        .map_err(|_| Failure::Final(Error::unsupported(format!("{location}: a range is too long"))))?;
    let keep = |bytes| broken.keep(bytes, size, etag.as_deref());
    let bytes = body::exactly(response, length, location, keep).await?;
    Ok(Answer { bytes, size, etag })
}

/// The whole object, though a range was asked for: fine when it is small.
async fn whole(
    response: Response,
    range: &Range<u64>,
    etag: Option<String>,
    location: &str,
) -> Result<Answer, Failure> {
    let refuse = || {
        Failure::Final(Error::unsupported(format!(
            "{location}: the server does not serve byte ranges, only all of it; download the file and read the copy"
        )))
    };
    let bytes = match response.content_length() {
        Some(length) if length > FIRST_READ => return Err(refuse()),
        Some(length) => body::exactly(response, length as usize, location, drop).await?,
        None => match body::at_most(response, FIRST_READ as usize, location).await {
            Err(Failure::Final(_)) => return Err(refuse()),
            other => other?,
        },
    };
    let size = bytes.len() as u64;
    let wanted = range.start.min(size) as usize..range.end.min(size) as usize;
    Ok(Answer { bytes: bytes.slice(wanted), size, etag })
}

/// The range lies past the end: the object is empty, or shorter than it was.
fn beyond_end(
    headers: &HeaderMap,
    range: &Range<u64>,
    etag: Option<String>,
    location: &str,
) -> Result<Answer, Failure> {
    match text(headers, &CONTENT_RANGE).and_then(parse_content_range) {
        Some((None, Some(0))) if range.start == 0 => Ok(Answer { bytes: Bytes::new(), size: 0, etag }),
        Some((None, Some(size))) if size <= range.start => Err(changed(location).into()),
        _ => Err(Error::corrupt(format!(
            "{location}: the server refuses bytes {}..{}",
            range.start, range.end
        ))
        .into()),
    }
}

/// Whether an ETag stands for the very same bytes. A weak one does not, and never matches `If-Match` (RFC 9110, sections
/// 8.8.1 and 13.1.1).
pub(super) fn is_strong(etag: &str) -> bool {
    !etag.starts_with("W/")
}

fn changed(location: &str) -> Error {
    Error::changed(format!("{location}: was replaced since it was opened; run again to read the new one"))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// The range and the size of a `Content-Range` (RFC 9110, section 14.4), each where it is said.
fn parse_content_range(text: &str) -> Option<(Option<Range<u64>>, Option<u64>)> {
    let (unit, rest) = text.split_once(' ')?;
    let (range, size) = rest.trim().split_once('/')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let number =
        |text: &str| if text.bytes().all(|b| b.is_ascii_digit()) { text.parse::<u64>().ok() } else { None };
    let size = if size == "*" { None } else { Some(number(size)?) };
    if range == "*" {
        return Some((None, size));
    }
    let (first, last) = range.split_once('-')?;
    let range = number(first)?..number(last)?.checked_add(1)?;
    (range.start < range.end && size.is_none_or(|size| range.end <= size)).then_some((Some(range), size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn content_ranges_are_read_strictly() {
        for (text, read) in [
            ("bytes 0-9/100", Some((Some(0..10), Some(100)))),
            ("Bytes 5-5/6", Some((Some(5..6), Some(6)))),
            ("bytes 0-9/*", Some((Some(0..10), None))),
            ("bytes */0", Some((None, Some(0)))),
            ("bytes 9-0/100", None),
            ("bytes 0-100/100", None),
            ("bytes 0-18446744073709551615/*", None),
            ("bytes +1-2/3", None),
            ("bytes 0-9", None),
            ("lines 0-9/100", None),
            ("", None),
        ] {
            assert_eq!(parse_content_range(text), read, "{text}");
        }
    }

    #[test]
    fn halves_of_two_objects_are_never_joined() {
        let broken = Broken::default();
        assert!(!broken.progress());
        broken.keep(Bytes::from_static(b"ab"), 9, Some("\"1\""));
        broken.keep(Bytes::from_static(b"cd"), 9, Some("\"1\""));
        assert_eq!(broken.start(), (4, Some("\"1\"".to_string())));
        assert!(broken.progress() && !broken.progress());
        let start = |size, etag| {
            broken.keep(Bytes::from_static(b"x"), 9, Some("\"1\""));
            broken.keep(Bytes::from_static(b"ef"), size, etag);
            broken.start()
        };
        assert_eq!(start(9, Some("\"2\"")), (0, None));
        assert_eq!(start(8, Some("\"1\"")), (0, None));
        assert_eq!(start(9, Some("W/\"1\"")), (0, None));
        assert_eq!(start(9, None), (0, None));
        assert_eq!(start(9, Some("\"1\"")).0, 3);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(bytes )?[-0-9*/ ]{0,30}") {
            if let Some((Some(range), Some(size))) = parse_content_range(&text) {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }
    }
}
