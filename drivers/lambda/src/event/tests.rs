use proptest::prelude::*;
use zagg_core::ErrorKind;

use super::*;

fn event() -> Event {
    Event {
        mode: Mode::Process,
        run: "r1".into(),
        attempt: 7,
        plan: Some(PlanPointer { uri: "s3://b/x.zarr.zagg/work".into(), digest: "abc".into() }),
        tasks: vec![
            EventTask { index: 3, task: None },
            EventTask {
                index: 1,
                task: Some(PlannedTask { index: 1, shard: "-5112323".into(), granules: Vec::new() }),
            },
        ],
        credentials: Some(CredentialsPointer { uri: "s3://b/c.json".into() }),
        status_uri: Some("s3://b/s.json".into()),
        not_after: Some(1_900_000_000),
        holder: Holder::Run,
        expected_seconds: Some(12.5),
        ..Event::ping()
    }
}

fn response() -> Response {
    let error = TaskError { class: TaskErrorClass::Deadline, temporary: true, message: "too late".into() };
    Response::new(7, vec![Outcome::of_error(3, "-5112323", error)], WorkerInfo::default())
}

#[test]
fn what_is_written_is_read_again() {
    for event in [event(), Event::ping()] {
        assert_eq!(Event::parse(&event.to_bytes().unwrap()).unwrap(), event);
    }
    assert_eq!(Response::parse(&response().to_bytes().unwrap()).unwrap(), response());
    assert_eq!(
        String::from_utf8(Event::ping().to_bytes().unwrap()).unwrap(),
        r#"{"version":1,"mode":"ping","attempt":0,"holder":"run"}"#
    );
}

#[test]
fn faults_of_an_event_are_named() {
    let broken = |change: &dyn Fn(&mut Event)| {
        let mut event = event();
        change(&mut event);
        let text = serde_json::to_vec(&event).unwrap();
        let error = Event::parse(&text).unwrap_err();
        assert_eq!(event.to_bytes().unwrap_err().message(), error.message());
        error.to_string()
    };
    assert_eq!(broken(&|e| e.plan = None), "event: has no plan");
    assert_eq!(broken(&|e| e.tasks.clear()), "event: has 0 tasks; 1 to 1000 are taken");
    assert_eq!(broken(&|e| e.tasks[1].index = 3), "event: names a task twice");
    assert!(broken(&|e| e.run = "a\nb".into()).starts_with("event: run is empty, longer"));
    assert!(broken(&|e| e.status_uri = Some("x".repeat(3_000))).starts_with("event: statusUri"));
    assert!(broken(&|e| e.expected_seconds = Some(-1.0)).contains("expectedSeconds"));
}

#[test]
fn another_version_is_told_from_damage_and_nothing_is_repeated() {
    let error = Event::parse(br#"{"version": 2, "mode": "dance", "secret": "s3cr3t"}"#).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("deploy the function of the same version"), "{error}");
    for bad in [r#"{"version": 1, "mode": "s3cr3t"}"#, r#"{"version": "s3cr3t"}"#, "s3cr3t", ""] {
        let error = Event::parse(bad.as_bytes()).unwrap_err().to_string();
        assert!(!error.contains("s3cr3t") && error.starts_with("event: is no"), "{error}");
    }
    assert!(Event::parse(&vec![b' '; MAX_BYTES + 1]).unwrap_err().message().contains("bytes"));
}

#[test]
fn a_response_says_one_thing_of_each_task_and_unknown_classes_are_others() {
    let mut both = response();
    both.outcomes[0].error = None;
    assert!(both.to_bytes().unwrap_err().message().contains("task 3 has neither"));
    let text = String::from_utf8(response().to_bytes().unwrap()).unwrap().replace("deadline", "weather");
    let read = Response::parse(text.as_bytes()).unwrap();
    assert_eq!(read.outcomes[0].error.as_ref().unwrap().class, TaskErrorClass::Other);
}

#[test]
fn steps_of_queued_events_are_counted() {
    let counted: Vec<u64> =
        [0, 1, 256 << 10, (256 << 10) + 1, 320 << 10, 1 << 20].map(billed_requests).to_vec();
    assert_eq!(counted, [1, 1, 1, 2, 2, 13]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (Event::parse(&bytes), Response::parse(&bytes));
    }

    #[test]
    fn damaged_documents_are_errors_or_sound(at in 0usize..400, byte in any::<u8>()) {
        for mut bytes in [event().to_bytes().unwrap(), response().to_bytes().unwrap()] {
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(event) = Event::parse(&bytes) {
                prop_assert!(event.to_bytes().is_ok());
            }
            if let Ok(response) = Response::parse(&bytes) {
                prop_assert!(response.to_bytes().is_ok());
            }
        }
    }
}
