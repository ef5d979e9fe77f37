//! HTTPS proper: with certificates of an authority that this process trusts, and of one that it does not.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use zagg_access::Access;
use zagg_core::ErrorKind;
use zagg_core::source::OpenObject;
use zagg_tests::http_server::{ObjectServer, Response, Server};

const RUN_BY: &str = "run by another test, in a process of its own";

/// An authority: its certificate as a file, and its key.
fn authority(folder: &Path, name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
    let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(folder.join(name), issuer.pem()).unwrap();
    issuer
}

/// Listens with TLS for `localhost` and passes requests on to a server without; gives its port.
fn tls_before(server: SocketAddr, issuer: &CertifiedIssuer<'static, KeyPair>) -> u16 {
    let key = KeyPair::generate().unwrap();
    let parameters = CertificateParams::new(vec!["localhost".to_string()]).unwrap();
    let certificate = parameters.signed_by(&key, issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("localhost:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || {
                let tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
                // Ends with an error when the client goes away.
                let _ = pass_on(tls, server);
            });
        }
    });
    port
}

/// Passes requests without bodies on, one after the other, and their answers back.
fn pass_on(tls: StreamOwned<ServerConnection, TcpStream>, server: SocketAddr) -> std::io::Result<()> {
    let mut client = BufReader::new(tls);
    let mut server = BufReader::new(TcpStream::connect(server)?);
    loop {
        let (request, _) = head(&mut client)?;
        server.get_mut().write_all(&request)?;
        let (mut answer, length) = head(&mut server)?;
        let start = answer.len();
        answer.resize(start + length, 0);
        server.read_exact(&mut answer[start..])?;
        client.get_mut().write_all(&answer)?;
        client.get_mut().flush()?;
    }
}

/// The head of a request or an answer, and the length of the body that it announces.
fn head(reader: &mut impl BufRead) -> std::io::Result<(Vec<u8>, usize)> {
    let (mut head, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(line.as_bytes());
        if line == "\r\n" {
            return Ok((head, length));
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
}

/// Runs an ignored test in a process that trusts one authority, with the URLs of servers.
fn run_inside(test: &str, trusted: &Path, urls: &[String]) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("SSL_CERT_FILE", trusted)
        .env_remove("SSL_CERT_DIR")
        .env("ZAGG_TEST_URLS", urls.join(" "))
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn urls() -> Vec<String> {
    std::env::var("ZAGG_TEST_URLS").unwrap().split(' ').map(str::to_string).collect()
}

#[test]
fn certificates_of_a_trusted_authority_are_taken_and_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let (known, unknown) = (authority(folder.path(), "known"), authority(folder.path(), "unknown"));
    let bytes: Vec<u8> = (0..1_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let (plain, plain_url) = ObjectServer::with("/a.h5", bytes);
    let down = Server::start(move |_: &_| Response::redirect(302, &plain_url));
    let before =
        |server: &Server, issuer| format!("https://localhost:{}/a.h5", tls_before(server.address(), issuer));
    let urls = [before(&plain.server, &known), before(&plain.server, &unknown), before(&down, &known)];
    run_inside("access_https_tls::inside", &folder.path().join("known"), &urls);
    assert!(plain.server.log().iter().all(|logged| logged.status == 206), "and only over TLS");
    assert_eq!(plain.server.log().len(), 2);
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn inside() {
    let [good, bad, down] = &urls()[..] else { panic!("{RUN_BY}") };
    let access = Access::default();
    let reader = access.open(good).unwrap();
    assert_eq!(reader.size(), 1_000_000);
    let got = reader.read_ranges(&[900_000..900_001]).unwrap();
    assert_eq!(got[0][0], (900_000u32.wrapping_mul(2_654_435_761) >> 24) as u8);
    let error = access.open(bad).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "not tried again: {error}");
    assert!(error.message().starts_with(bad.as_str()) && error.message().contains("certificate"), "{error}");
    let error = access.open(down).unwrap_err();
    assert!(error.message().contains("which is not encrypted"), "{error}");
}
