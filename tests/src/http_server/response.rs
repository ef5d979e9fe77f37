//! Answers, and the ways in which they go wrong.

use std::io::{Error, ErrorKind, Result, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use socket2::SockRef;

/// How a connection ends when an answer is not sent whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// In order: the other side sees the end of the stream.
    Close,
    /// Torn off: the other side sees a reset.
    Reset,
}

/// One answer.
#[derive(Debug, Clone, Default)]
pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    latency: Duration,
    bytes_per_second: Option<u64>,
    cut: Option<(usize, End)>,
    torn: bool,
}

impl Response {
    /// An answer without a body.
    pub fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// No answer at all: the connection is reset.
    pub fn torn() -> Self {
        Self { torn: true, ..Self::default() }
    }

    /// A redirect.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::new(status).with_header("Location", location)
    }

    /// With a body of a type.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.with_header("Content-Type", content_type)
    }

    /// With a header; one of that name that is there already stays.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_string(), value.to_string()));
        self
    }

    /// With a header in the place of all of that name.
    #[must_use]
    pub fn set_header(self, name: &str, value: &str) -> Self {
        self.without_header(name).with_header(name, value)
    }

    /// Without any header of a name.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    /// Whose first byte comes this much later.
    #[must_use]
    pub fn after(mut self, latency: Duration) -> Self {
        self.latency += latency;
        self
    }

    /// Whose body comes at most at this pace.
    #[must_use]
    pub fn at_pace(mut self, bytes_per_second: u64) -> Self {
        self.bytes_per_second = Some(bytes_per_second.max(1));
        self
    }

    /// Of whose body only the first bytes are sent, though its length is announced whole.
    #[must_use]
    pub fn cut_after(mut self, bytes: usize, end: End) -> Self {
        self.cut = Some((bytes, end));
        self
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the connection is reset instead of an answer.
    pub fn is_torn(&self) -> bool {
        self.torn
    }

    /// Whose first byte comes later by as much as that of another.
    #[must_use]
    pub fn as_late_as(self, other: &Self) -> Self {
        let latency = other.latency;
        self.after(latency)
    }

    pub(super) fn logged_status(&self) -> u16 {
        if self.torn { 0 } else { self.status }
    }

    pub(super) fn bytes_to_send(&self, head: bool) -> u64 {
        if head || self.torn {
            return 0;
        }
        self.cut.map_or(self.body.len(), |(bytes, _)| bytes.min(self.body.len())) as u64
    }

    /// Sends it; an error when the connection cannot serve another request.
    pub(super) fn send(&self, mut stream: &TcpStream, head: bool) -> Result<()> {
        std::thread::sleep(self.latency);
        if self.torn {
            return end(stream, End::Reset);
        }
        let mut text = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        if self.status != 304 {
            text += &format!("Content-Length: {}\r\n", self.body.len());
        }
        text += "\r\n";
        stream.write_all(text.as_bytes())?;
        if !head {
            let body = &self.body[..self.bytes_to_send(false) as usize];
            match self.bytes_per_second {
                None => stream.write_all(body)?,
                Some(pace) => write_slowly(stream, body, pace)?,
            }
            if let Some((_, how)) = self.cut {
                stream.flush()?;
                return end(stream, how);
            }
        }
        stream.flush()
    }
}

fn write_slowly(mut stream: &TcpStream, body: &[u8], pace: u64) -> Result<()> {
    const STEPS_PER_SECOND: u64 = 100;
    let start = Instant::now();
    let mut sent = 0u64;
    for piece in body.chunks((pace / STEPS_PER_SECOND).max(1) as usize) {
        stream.write_all(piece)?;
        sent += piece.len() as u64;
        let due = Duration::from_secs_f64(sent as f64 / pace as f64);
        std::thread::sleep(due.saturating_sub(start.elapsed()));
    }
    Ok(())
}

/// Ends the connection; always an error, as nothing more can be sent.
fn end(stream: &TcpStream, how: End) -> Result<()> {
    match how {
        End::Close => stream.shutdown(Shutdown::Both)?,
        // Closing a socket that does not linger discards what is unsent and resets the connection; it is closed when its
        // thread ends.
        End::Reset => SockRef::from(stream).set_linger(Some(Duration::ZERO))?,
    }
    Err(Error::from(ErrorKind::ConnectionAborted))
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        412 => "Precondition Failed",
        416 => "Range Not Satisfiable",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Other",
    }
}
