//! The bytes of an object as a stream.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use zagg_core::Error;
use zagg_core::range_reader::RangeReader;

use super::quotes::Quotes;

/// Bytes that are fetched at once.
const PIECE: u64 = 8 << 20;

/// Longest record: a quote that is never closed would make one of the whole file.
const MAX_RECORD: u64 = 16 << 20;

/// Reads an object from front to back, a piece at a time.
#[derive(Debug)]
pub(super) struct Input {
    reader: Arc<dyn RangeReader>,
    at: u64,
    piece: Bytes,
    quotes: Quotes,
    progress: Progress,
}

/// What is known of the stream outside of the parser that owns it.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Bytes handed out since the record began, those at its begin that came with the one before left out.
    since: u64,
    fault: Option<Error>,
}

impl Progress {
    /// Another record begins.
    pub(super) fn begin(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).since = 0;
    }

    /// The error behind one of input.
    pub(super) fn fault(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fault.take()
    }
}

impl Input {
    pub(super) fn new(reader: Arc<dyn RangeReader>, quotes: Quotes) -> (Self, Progress) {
        let progress = Progress::default();
        (Self { reader, at: 0, piece: Bytes::new(), quotes, progress: progress.clone() }, progress)
    }

    fn next_piece(&mut self) -> Result<(), Error> {
        let end = self.reader.size().min(self.at.saturating_add(PIECE));
        let range = self.at..end;
        let mut answer = self.reader.read_ranges(std::slice::from_ref(&range))?;
        match answer.pop() {
            Some(bytes) if bytes.len() as u64 == end - self.at => self.piece = bytes,
            _ => return Err(Error::io(format!("{}: a short answer", self.reader.location()))),
        }
        self.at = end;
        Ok(())
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let fail = |progress: &Progress, error: Error| {
            let message = error.to_string();
            progress.0.lock().unwrap_or_else(PoisonError::into_inner).fault = Some(error);
            Err(io::Error::other(message))
        };
        if self.piece.is_empty()
            && self.at < self.reader.size()
            && let Err(error) = self.next_piece()
        {
            return fail(&self.progress, error);
        }
        let n = buffer.len().min(self.piece.len());
        buffer[..n].copy_from_slice(&self.piece.split_to(n));
        let since = {
            let mut state = self.progress.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.since += n as u64;
            state.since
        };
        if since > MAX_RECORD {
            let location = self.reader.location();
            let error = Error::corrupt(format!(
                "{location}: a row is longer than {MAX_RECORD} bytes; a quote may not be closed"
            ));
            return fail(&self.progress, error);
        }
        let sound = self.quotes.take(&buffer[..n]);
        let ends = self.piece.is_empty() && self.at >= self.reader.size();
        if let Err(wrong) = sound.and_then(|()| if ends { self.quotes.end() } else { Ok(()) }) {
            let error = Error::corrupt(format!("{}: {wrong}", self.reader.location()));
            return fail(&self.progress, error);
        }
        Ok(n)
    }
}
