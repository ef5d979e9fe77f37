//! Requests as they come from a socket.

use std::io::{BufRead, Read};

/// Longest head of a request.
const MAX_HEAD: u64 = 64 << 10;
/// Longest body of a request.
const MAX_BODY: usize = 64 << 20;

/// One request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `HEAD`, `POST`, …
    pub method: String,
    /// Path without the query, as sent.
    pub path: String,
    /// What stands behind the `?`; empty when nothing does.
    pub query: String,
    /// Names in lower case, and values, in the order sent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Number of the connection, counted from 0.
    pub connection: usize,
}

impl Request {
    /// The first header of a name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter of the query, as sent.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(n, _)| *n == name)
            .map(|(_, v)| v)
    }

    /// Path and query.
    pub fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// Reads a request; none when the connection ended before one began. The error is the status to answer.
    pub(super) fn read(reader: &mut impl BufRead, connection: usize) -> Result<Option<Self>, u16> {
        let mut head = reader.take(MAX_HEAD);
        let mut line = String::new();
        if !read_line(&mut head, &mut line)? {
            return Ok(None);
        }
        let mut words = line.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(400);
        };
        if version != "HTTP/1.1" || !target.starts_with('/') {
            return Err(400);
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Self {
            method: method.to_string(),
            path: path.to_string(),
            query: query.to_string(),
            connection,
            ..Self::default()
        };
        loop {
            if !read_line(&mut head, &mut line)? {
                return Err(400);
            }
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or(400u16)?;
            request.headers.push((name.to_ascii_lowercase(), value.trim().to_string()));
        }
        if request.header("transfer-encoding").is_some() {
            return Err(411);
        }
        let length =
            request.header("content-length").map_or(Ok(0), |text| text.parse().map_err(|_| 400u16))?;
        if length > MAX_BODY {
            return Err(413);
        }
        if request.header("expect").is_some() {
            return Err(417);
        }
        request.body = vec![0; length];
        reader.read_exact(&mut request.body).map_err(|_| 400u16)?;
        Ok(Some(request))
    }
}

/// Reads a line without its end; false at the end of the connection.
fn read_line(reader: &mut impl BufRead, line: &mut String) -> Result<bool, u16> {
    line.clear();
    match reader.read_line(line) {
        Ok(0) => Ok(false),
        Ok(_) => {
            let text = line.strip_suffix("\r\n").ok_or(400u16)?.len();
            line.truncate(text);
            Ok(true)
        }
        // The other side went away.
        Err(_) => Ok(false),
    }
}
