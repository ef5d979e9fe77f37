//! Bodies of answers, never longer than expected.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use zagg_core::Error;

use super::retry::Failure;

/// A body of exactly so many bytes. What came of one that breaks off, or is shorter, is handed to `kept`: the rest may be
/// asked for.
///
/// # Errors
/// When it is shorter or longer, or the connection breaks.
pub(crate) async fn exactly(
    mut response: Response,
    length: usize,
    location: &str,
    kept: impl FnOnce(Bytes),
) -> Result<Bytes, Failure> {
    let mut pieces = Pieces::default();
    let failure = loop {
        match response.chunk().await {
            Ok(Some(piece)) if pieces.length + piece.len() <= length => pieces.add(piece, length),
            Ok(Some(_)) => {
                return Err(Error::corrupt(format!("{location}: more than {length} bytes came")).into());
            }
            Ok(None) if pieces.length == length => return Ok(pieces.join()),
            Ok(None) => {
                let got = pieces.length;
                let error = Error::temporary(format!("{location}: {got} bytes came instead of {length}"));
                break Failure::Passing { error, after: None };
            }
            Err(error) => break Failure::of_transfer(error, location),
        }
    };
    if pieces.length < length {
        kept(pieces.join());
    }
    Err(failure)
}

/// A body as it comes: one piece is not copied.
#[derive(Default)]
struct Pieces {
    length: usize,
    only: Option<Bytes>,
    joined: BytesMut,
}

impl Pieces {
    fn add(&mut self, piece: Bytes, most: usize) {
        self.length += piece.len();
        if self.only.is_none() && self.joined.is_empty() {
            self.only = Some(piece);
            return;
        }
        if let Some(first) = self.only.take() {
            // As much as the server announced, which is no more than was asked for.
            self.joined.reserve(most);
            self.joined.extend_from_slice(&first);
        }
        self.joined.extend_from_slice(&piece);
    }

    fn join(self) -> Bytes {
        self.only.unwrap_or_else(|| self.joined.freeze())
    }
}

/// How long a body may take that is read by [`at_most`]: what is short must not come byte by byte for days.
const SHORT: Duration = Duration::from_secs(120);

/// A body of at most so many bytes, which are few.
///
/// # Errors
/// When it is longer, takes minutes, or the connection breaks.
pub(crate) async fn at_most(response: Response, longest: usize, location: &str) -> Result<Bytes, Failure> {
    let late = |_| Failure::Passing {
        error: Error::temporary(format!("{location}: no whole answer in time")),
        after: None,
    };
    tokio::time::timeout(SHORT, read(response, longest, location)).await.map_err(late)?
}

/// The same without a limit of time.
///
/// # Errors
/// When it is longer, or the connection breaks.
pub(crate) async fn read(mut response: Response, longest: usize, location: &str) -> Result<Bytes, Failure> {
    let too_long = || Failure::Final(Error::corrupt(format!("{location}: more than {longest} bytes came")));
    let broken = |error| Failure::of_transfer(error, location);
    if response.content_length().is_some_and(|length| length > longest as u64) {
        return Err(too_long());
    }
    let mut pieces = Pieces::default();
    while let Some(piece) = response.chunk().await.map_err(broken)? {
        if pieces.length + piece.len() > longest {
            return Err(too_long());
        }
        let length = pieces.length + piece.len();
        pieces.add(piece, length);
    }
    Ok(pieces.join())
}
