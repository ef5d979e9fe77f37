//! An endpoint of ours on loopback that speaks as Lambda does, over as many sockets as there are calls, and the real SDK client
//! against it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use zagg_core::ErrorKind;
use zagg_lambda::aws::{AwsControl, AwsInvoke, Place};
use zagg_lambda::cost::{Architecture, Sized};
use zagg_lambda::event::{Event, Mode, Response, WorkerInfo};
use zagg_lambda::invoke::{Call, FaultClass, Invoke};
use zagg_lambda::policy::Policy;
use zagg_lambda::preflight::{self, Answered, Control};

use crate::world::{Fate, STORM, World};

/// The log of a function as Lambda gives its end: base64 of a text with this line.
/// `REPORT RequestId: 0a\tBilled Duration: 7 ms\tMemory Size: 2048 MB\tMax Memory Used: 99 MB\n`
const LOG: &str = "UkVQT1JUIFJlcXVlc3RJZDogMGEJQmlsbGVkIER1cmF0aW9uOiA3IG1zCU1lbW9yeSBTaXplOiAyMDQ4IE1CCU1heCBNZW1vcnkgVXNlZDogOTkgTUIK";

/// One request, as far as it matters here.
struct Request {
    path: String,
    queued: bool,
    body: Vec<u8>,
}

async fn read(socket: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    if socket.read_line(&mut line).await.ok()? == 0 {
        return None;
    }
    let path = line.split(' ').nth(1)?.to_string();
    let (mut queued, mut length, mut signed) = (false, 0, false);
    loop {
        let mut header = String::new();
        socket.read_line(&mut header).await.ok()?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':')?;
        match name {
            "x-amz-invocation-type" => queued = value.trim() == "event",
            "content-length" => length = value.trim().parse().ok()?,
            "authorization" => signed = value.contains("aws4-hmac-sha256"),
            _ => {}
        }
    }
    assert!(signed, "{path} is not signed");
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.ok()?;
    Some(Request { path, queued, body })
}

async fn write(socket: &mut BufReader<TcpStream>, status: &str, headers: &str, body: &[u8]) -> Option<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    socket.write_all(&[head.as_bytes(), body].concat()).await.ok()
}

/// Serves one connection until it breaks.
async fn serve(world: Arc<World>, socket: TcpStream) -> Option<()> {
    socket.set_nodelay(true).ok()?;
    let mut socket = BufReader::new(socket);
    loop {
        let request = read(&mut socket).await?;
        if !request.path.starts_with("/2015-03-31/functions/") || !request.path.ends_with("/invocations") {
            answer_question(&mut socket, &request.path).await?;
            continue;
        }
        let event = Event::parse(&request.body).unwrap();
        if event.mode == Mode::Ping {
            let worker = WorkerInfo { zagg: "1.2.3".into(), ..WorkerInfo::default() };
            let body = Response::new(0, Vec::new(), worker).to_bytes().unwrap();
            write(&mut socket, "200 OK", "", &body).await?;
            continue;
        }
        world.events.lock().unwrap().push(request.body.clone().into());
        let (seconds, end, lost) = match world.fate(&event) {
            Fate::Throttled => {
                let body = br#"{"Reason":"ConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}"#;
                let header = "x-amzn-errortype: TooManyRequestsException\r\n";
                write(&mut socket, "429 Too Many Requests", header, body).await?;
                continue;
            }
            Fate::Busy => {
                let header = "x-amzn-errortype: ServiceException\r\n";
                write(&mut socket, "500 Internal Server Error", header, br#"{"message":"try later"}"#)
                    .await?;
                continue;
            }
            Fate::Dropped => {
                if request.queued {
                    world.gate.count();
                }
                return None;
            }
            Fate::Runs(seconds, end, lost) => (seconds, end, lost),
        };
        world.enter(&event);
        let (shared, number) = (Arc::clone(&world), event.attempt);
        let run = tokio::spawn(async move {
            shared.gate.pass().await;
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            if shared.function.is_none() {
                return shared.leave(&event, seconds, end);
            }
            tokio::task::spawn_blocking(move || shared.leave(&event, seconds, end)).await.unwrap()
        });
        if request.queued {
            if lost {
                return None;
            }
            write(&mut socket, "202 Accepted", "", b"").await?;
            continue;
        }
        let (payload, failed) = run.await.unwrap();
        if lost {
            return None;
        }
        match failed {
            false => write(&mut socket, "200 OK", &format!("x-amz-log-result: {LOG}\r\n"), &payload).await?,
            // AWS says so in a header, emulators with status 500.
            true if number % 2 == 0 => {
                write(&mut socket, "200 OK", "x-amz-function-error: Unhandled\r\n", &payload).await?;
            }
            true => write(&mut socket, "500 Internal Server Error", "", &payload).await?,
        }
    }
}

/// What Lambda says of functions and the account.
async fn answer_question(socket: &mut BufReader<TcpStream>, path: &str) -> Option<()> {
    let mut headers = "";
    let (status, body) = match path {
        _ if path.contains("/denied/") => {
            headers = "x-amzn-errortype: AccessDeniedException\r\n";
            ("403 Forbidden", r#"{"Message":"User: u is not authorized to perform this"}"#)
        }
        _ if path.contains("/ended/") => {
            headers = "x-amzn-errortype: ExpiredTokenException\r\n";
            ("403 Forbidden", r#"{"message":"The security token included in the request is expired"}"#)
        }
        _ if path.contains("/missing/") => {
            ("404 Not Found", r#"{"Type":"User","Message":"Function not found"}"#)
        }
        _ if path.contains("/repeating/event-invoke-config") => {
            headers = "x-amzn-errortype: ResourceNotFoundException\r\n";
            (
                "404 Not Found",
                r#"{"Type":"User","Message":"The function f doesn't have an EventInvokeConfig"}"#,
            )
        }
        _ if path.ends_with("/event-invoke-config") => ("200 OK", r#"{"MaximumRetryAttempts":0}"#),
        _ if path.ends_with("/configuration") => {
            ("200 OK", r#"{"FunctionName":"f","MemorySize":3008,"Timeout":600,"Architectures":["arm64"]}"#)
        }
        _ if path.ends_with("/concurrency") => ("200 OK", r#"{"ReservedConcurrentExecutions":400}"#),
        _ if path.contains("account-settings") => (
            "200 OK",
            r#"{"AccountLimit":{"ConcurrentExecutions":1000,"UnreservedConcurrentExecutions":600}}"#,
        ),
        _ => ("404 Not Found", "{}"),
    };
    write(socket, status, headers, body.as_bytes()).await
}

/// Starts an endpoint; gives its URL.
pub(crate) fn endpoint(server: &Runtime, world: &Arc<World>) -> String {
    let listener = server.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let world = Arc::clone(world);
    server.spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(Arc::clone(&world), socket));
        }
    });
    url
}

pub(crate) fn client(url: &str) -> aws_sdk_lambda::Client {
    // The tests of this program are the only ones that look at these variables, and all set them alike.
    let place = Place::new(Some("us-west-2"), Some(url), |_| None).unwrap();
    place.client_with("AKIDEXAMPLE", "not-a-secret").unwrap()
}

/// A thousandth of all times.
pub(crate) fn fast() -> Policy {
    Policy {
        pause: (Duration::from_millis(2), Duration::from_millis(60)),
        ramp: 1e5,
        queued_burst: 1e6,
        growth: 1e4,
        queue: Duration::from_millis(1_500),
        grace: Duration::from_millis(500),
        poll: Duration::from_millis(30),
        tick: Duration::from_millis(10),
        backup_after: Duration::from_millis(400),
        linger: Duration::from_millis(200),
        ..Policy::default()
    }
}

#[test]
fn faults_on_the_way_are_told_apart() {
    let runtime = zagg_lambda::runtime().unwrap();
    let call = |url: &str| {
        let invoke = AwsInvoke::new(client(url));
        let event = Event::ping().to_bytes().unwrap().into();
        runtime.block_on(invoke.invoke(Call { function: "f".into(), queued: false, event })).unwrap_err()
    };
    // Nobody listens.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(call(&format!("http://{free}")).class, FaultClass::Unsent);
    // Somebody hangs up, or answers this.
    let server = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let answering = |answer: &'static str| {
        let listener = server.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        server.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let mut socket = BufReader::new(socket);
                read(&mut socket).await.unwrap();
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        });
        call(&url)
    };
    assert_eq!(answering("").class, FaultClass::Lost);
    assert_eq!(answering("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nab").class, FaultClass::Lost);
    assert_eq!(answering("HTTP/1.1 503 x\r\ncontent-length: 0\r\n\r\n").class, FaultClass::Busy);
    let ended =
        answering("HTTP/1.1 403 x\r\nx-amzn-errortype: ExpiredTokenException\r\ncontent-length: 0\r\n\r\n");
    assert!(ended.class == FaultClass::Unsent && ended.message.contains("have ended, renew them"), "{ended}");
    let denied =
        answering("HTTP/1.1 403 x\r\nx-amzn-errortype: AccessDeniedException\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(denied.class, FaultClass::Denied);
    assert!(denied.message.contains("lambda:InvokeFunction"), "{denied}");
    let unknown = answering("HTTP/1.1 404 x\r\ncontent-length: 0\r\n\r\n");
    assert!(unknown.class == FaultClass::Denied && unknown.message.contains("--region"), "{unknown}");
}

#[test]
fn what_lambda_says_is_looked_at_before_anything_is_paid() {
    let server = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let world = World::new(STORM);
    let client = client(&endpoint(&server, &world));
    let runtime = zagg_lambda::runtime().unwrap();
    let control = AwsControl::new(client.clone(), &runtime, false);
    let found = preflight::look(&control, &["f".into()], 1_700, preflight::ASSUMED).unwrap();
    let sized = Sized { memory_mb: 3_008, architecture: Architecture::Arm64, timeout: 600 };
    assert_eq!((found.sized, found.workers), (sized, 400));
    assert!(found.warnings[0].contains("400 workers"), "{:?}", found.warnings);
    assert_eq!((found.told, found.no_queue, found.concurrency), (true, None, Some(400)));
    let look = |name: &str| preflight::look(&control, &[name.into()], 5, preflight::ASSUMED);
    let error = look("missing").unwrap_err();
    assert!(
        error.message().starts_with("function missing: ") && error.message().contains("stand_up"),
        "{error}"
    );
    // Without a configuration of its own Lambda repeats failed events twice.
    let why = look("repeating").unwrap().no_queue.unwrap();
    assert!(why.contains("MaximumRetryAttempts is 2"), "{why}");
    // What may not be asked is said, and the account's limit holds; keys that ended are another matter.
    let denied = look("denied").unwrap();
    assert_eq!((denied.told, denied.sized, denied.concurrency), (false, preflight::ASSUMED, Some(500)));
    assert!(denied.warnings[0].contains("AccessDeniedException: User: u is not"), "{:?}", denied.warnings);
    assert_eq!(look("ended").unwrap_err().kind(), ErrorKind::Temporary);
    // An emulator may know nothing of it.
    let emulated = AwsControl::new(client.clone(), &runtime, true);
    assert_eq!(emulated.function("missing").unwrap(), Answered::Silent);
    assert_eq!(emulated.event_retries("missing").unwrap(), Answered::Silent);
    // One that answers as Lambda does may be Lambda, behind a private endpoint.
    assert_eq!(emulated.event_retries("repeating").unwrap(), Answered::Told(2));

    let invoke = AwsInvoke::new(client);
    let try_out =
        |version: &str| preflight::try_out(&runtime, &invoke, &*world.objects, &["f".into()], version);
    try_out("1.2.3").unwrap();
    // Nobody is there: that may be otherwise later.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = AwsInvoke::new(self::client(&format!("http://{free}")));
    let error = preflight::try_out(&runtime, &nobody, &*world.objects, &["f".into()], "1.2.3").unwrap_err();
    assert!(error.kind() == ErrorKind::Temporary && error.message().contains("not sent"), "{error}");
    assert!(try_out("1.2.4").unwrap_err().message().contains("is of zagg 1.2.3, this is 1.2.4"));
    assert!(world.objects.list("").unwrap().is_empty());
    assert_eq!(world.calls.load(Ordering::Relaxed), 0);
}
