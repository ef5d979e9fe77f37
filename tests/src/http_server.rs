//! A small real HTTP/1.1 server on loopback, for tests and benchmarks: one thread per connection, keep-alive, a log of
//! every request, and answers that can be late, slow, cut short or torn off.

mod objects;
mod request;
mod response;

use std::io::BufReader;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

pub use objects::{Fault, ObjectServer, Objects, Rule};
pub use request::Request;
pub use response::{End, Response};

/// What a server does with a request.
pub trait Handler: Send + Sync + 'static {
    /// The answer to one request. Called on the thread of its connection.
    fn answer(&self, request: &Request) -> Response;
}

impl<F: Fn(&Request) -> Response + Send + Sync + 'static> Handler for F {
    fn answer(&self, request: &Request) -> Response {
        self(request)
    }
}

/// One request and what became of it.
#[derive(Debug, Clone)]
pub struct Logged {
    /// The request.
    pub request: Request,
    /// Status of the answer; 0 when the connection was torn off instead.
    pub status: u16,
    /// Bytes of the body that the server set out to send.
    pub bytes: u64,
}

/// A running server. Dropping it ends it and its connections.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stopped: AtomicBool,
    accepted: AtomicUsize,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    log: Mutex<Vec<Logged>>,
    streams: Mutex<Vec<(usize, TcpStream)>>,
}

impl Server {
    /// Starts a server on a free port of loopback.
    ///
    /// # Panics
    /// When no port is free.
    pub fn start(handler: impl Handler) -> Self {
        Self::start_at(0, handler)
    }

    /// Starts a server on a port of loopback; 0 for any free one.
    ///
    /// # Panics
    /// When the port is not free.
    pub fn start_at(port: u16, handler: impl Handler) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
        let address = listener.local_addr().expect("the address of a socket");
        let shared = Arc::new(Shared::default());
        let handler: Arc<dyn Handler> = Arc::new(handler);
        let accepting = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared, &handler)
        });
        Self { address, shared, accepting: Some(accepting) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, in the order of arrival.
    pub fn log(&self) -> Vec<Logged> {
        lock(&self.shared.log).clone()
    }

    /// The requests since the start or since this was called last; the log is empty then.
    pub fn take_log(&self) -> Vec<Logged> {
        std::mem::take(&mut lock(&self.shared.log))
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// The most requests that were under way at once.
    pub fn most_under_way(&self) -> usize {
        self.shared.most_under_way.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        for (_, stream) in lock(&self.shared.streams).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

/// A lock that survives the panic of a handler.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, handler: &Arc<dyn Handler>) {
    for stream in listener.incoming() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let number = shared.accepted.fetch_add(1, Ordering::SeqCst);
        if let Ok(copy) = stream.try_clone() {
            lock(&shared.streams).push((number, copy));
        }
        let (shared, handler) = (Arc::clone(shared), Arc::clone(handler));
        std::thread::spawn(move || {
            serve(&stream, number, &shared, &*handler);
            lock(&shared.streams).retain(|(other, _)| *other != number);
        });
    }
}

/// Answers the requests of one connection until either side ends it.
fn serve(stream: &TcpStream, connection: usize, shared: &Shared, handler: &dyn Handler) {
    // Heads and bodies are written apart; waiting to merge them would add latency that nobody asked for.
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    loop {
        let request = match Request::read(&mut reader, connection) {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(status) => {
                let _ = Response::new(status).send(stream, false);
                return;
            }
        };
        let now = shared.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most_under_way.fetch_max(now, Ordering::SeqCst);
        let head = request.method == "HEAD";
        let close = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let response = handler.answer(&request);
        let bytes = response.bytes_to_send(head);
        // Logged before it is sent: whoever has the answer finds it in the log.
        lock(&shared.log).push(Logged { request, status: response.logged_status(), bytes });
        let ended = response.send(stream, head);
        shared.under_way.fetch_sub(1, Ordering::SeqCst);
        if ended.is_err() || close {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
