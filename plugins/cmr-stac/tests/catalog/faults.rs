//! What servers get wrong: the right granules come all the same, or the answer is said to be incomplete.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zagg_core::ErrorKind;
use zagg_tests::http_server::{End, Response};

use super::world::{Asked, Twist, World, by_cmr, by_stac, ids, ids_of, query, records};

type Fault = fn(&Asked, Value) -> Result<Value, Response>;

fn raw(kind: &str, text: impl Into<Vec<u8>>) -> Result<Value, Response> {
    Err(Response::new(200).with_body(kind, text))
}

/// Faults of a page that do not pass, with what is said of them.
const FAULTS: [(&str, Fault, &str); 17] = [
    ("500 on next", |_, _| Err(Response::new(500)), "busy or broken (status 500); tried 3 times"),
    (
        "400 on next",
        |_, _| Err(Response::new(400).with_body("application/json", "{\"errors\":[\"bad cursor\"]}")),
        "refused with status 400: bad cursor",
    ),
    ("404 on next", |_, _| Err(Response::new(404)), "refused with status 404"),
    ("truncated JSON", |_, page| raw("application/json", half(&page)), "EOF while parsing"),
    ("not JSON", |_, _| raw("application/json", "no granules today"), "expected"),
    ("other JSON", |_, _| raw("application/json", "{\"errors\":[\"sorry\"]}"), "missing field"),
    (
        "web page",
        |_, _| raw("text/html; charset=utf-8", "<html>maintenance</html>"),
        "a web page came instead",
    ),
    ("rate limit without end", |_, _| Err(Response::new(429).with_header("Retry-After", "0")), "status 429"),
    (
        "cut",
        |_, page| {
            Err(Response::new(200).with_body("application/json", page.to_string()).cut_after(900, End::Close))
        },
        "tried 3 times",
    ),
    ("torn", |_, _| Err(Response::torn()), "tried 3 times"),
    ("huge", |_, _| raw("application/json", vec![b' '; 9 << 20]), "more than 8388608 bytes"),
    (
        "redirected elsewhere",
        |_, _| Err(Response::redirect(302, "http://127.0.0.2:9/x?hush")),
        "redirects to http://127.0.0.2:9/x, which is another server",
    ),
    ("redirected in a circle", |_, _| Err(Response::redirect(307, "")), "more than 5 redirects"),
    (
        "deep JSON",
        |_, _| raw("application/json", format!("{{\"x\":{}", "[".repeat(200_000))),
        "EOF while parsing",
    ),
    (
        "granule without a name",
        |_, mut page| {
            forget_name(&mut page);
            Ok(page)
        },
        "without a name",
    ),
    (
        "granule twice",
        |_, mut page| {
            double(&mut page);
            Ok(page)
        },
        "twice",
    ),
    (
        "empty page",
        |_, mut page| {
            *list(&mut page) = Vec::new();
            Ok(page)
        },
        "came, but there are 250 of them",
    ),
];

/// The first half of a page.
fn half(page: &Value) -> String {
    let text = page.to_string();
    text[..text.len() / 2].to_string()
}

fn list(page: &mut Value) -> &mut Vec<Value> {
    let name = if page.get("features").is_some() { "features" } else { "items" };
    page[name].as_array_mut().unwrap()
}

fn forget_name(page: &mut Value) {
    let one = &mut list(page)[3];
    one["id"] = Value::Null;
    one["meta"] = Value::Null;
}

fn double(page: &mut Value) {
    let one = list(page)[3].clone();
    list(page).push(one);
}

/// The fault on the second page of one service.
fn second(of_stac: bool, fault: Fault) -> Twist {
    Box::new(move |asked, page| {
        if asked.is_stac == of_stac && asked.offset > 0 && asked.offset < 200 {
            fault(asked, page)
        } else {
            Ok(page)
        }
    })
}

#[test]
fn what_one_service_gets_wrong_the_other_one_makes_good() {
    for (name, fault, says) in FAULTS {
        for of_stac in [true, false] {
            // The whole of a page that comes again elsewhere is a matter of its own.
            let all = records(250);
            let world = World::with(all.clone(), second(of_stac, fault));
            let query = query(&world.server);
            let (found, watch) = if of_stac { by_stac(&query) } else { by_cmr(&query) };
            let found = found.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(ids(&found), ids_of(&all), "{name}");
            assert!(found.incomplete.is_empty(), "{name}: {:?}", found.incomplete);
            let (ours, other) = if of_stac { ("CMR-STAC", "CMR") } else { ("CMR", "CMR-STAC") };
            assert_eq!(found.metadata["source"], other, "{name}");
            let fallback = found.metadata["fallback"].as_str().unwrap();
            assert!(fallback.starts_with(&format!("asked {other} instead: {ours}: ")), "{fallback}");
            let warning = watch.warnings().pop().unwrap();
            assert!(
                warning.contains(says) && warning.ends_with(&format!("; asking {other} instead")),
                "{name}: {warning}"
            );
            assert!(!warning.contains("hush") && !warning.contains("cursor="), "{warning}");
            let (stac, cmr) = world.requests();
            assert!(stac + cmr < 60, "{name}: {stac} and {cmr} requests");
        }
    }
}

#[test]
fn what_both_get_wrong_is_an_incomplete_answer_never_a_smaller_one() {
    for (name, fault, _) in FAULTS {
        let all = records(250);
        let both: Twist =
            Box::new(
                move |asked, page| {
                    if (1..200).contains(&asked.offset) { fault(asked, page) } else { Ok(page) }
                },
            );
        let world = World::with(all.clone(), both);
        let (found, _) = by_stac(&query(&world.server));
        let found = found.unwrap_or_else(|error| panic!("{name}: {error}"));
        // The service that got further: pages of CMR hold more.
        assert!((100..=250).contains(&found.entries.len()), "{name}: {}", found.entries.len());
        assert!(found.incomplete.len() >= 2, "{name}: {:?}", found.incomplete);
        assert!(
            found.incomplete[0].starts_with("CMR-STAC: ") && found.incomplete[1].starts_with("CMR: "),
            "{name}"
        );
        assert_eq!(found.metadata["total_granules"], found.entries.len());
    }
}

#[test]
fn when_no_page_comes_at_all_there_is_one_clear_error() {
    let world = World::with(records(9), Box::new(|_, _| Err(Response::new(503))));
    let (found, _) = by_stac(&query(&world.server));
    let error = found.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Temporary);
    assert!(error.message().starts_with("CMR-STAC: http://127.0.0.1:"), "{error}");
    assert!(error.message().contains("; and CMR: "), "{error}");
    let refused = Box::new(|_: &Asked, _| {
        Err(Response::new(400).with_body("application/json", "{\"errors\":[\"no\"]}"))
    });
    let world = World::with(records(9), refused);
    let (found, _) = by_stac(&query(&world.server));
    assert_eq!(found.unwrap_err().kind(), ErrorKind::Input);
}

#[test]
fn a_page_that_comes_again_is_noticed() {
    // Page two and all further ones are the first one again, as nasa/cmr-stac issue 353 tells.
    let all = records(250);
    let twist: Twist = Box::new(|asked, mut page| {
        if asked.is_stac && asked.offset > 0 {
            let first: Vec<Value> =
                records(250)[..100].iter().map(|record| json!({"id": record.id})).collect();
            *list(&mut page) = first;
        }
        Ok(page)
    });
    let world = World::with(all.clone(), twist);
    let (found, watch) = by_stac(&query(&world.server));
    assert_eq!(ids(&found.unwrap()), ids_of(&all));
    let warning = watch.warnings().pop().unwrap();
    assert!(
        warning.contains("page 2 repeats granules that came before") && warning.contains("100 of 250 came"),
        "{warning}"
    );
}

#[test]
fn totals_that_do_not_agree_are_noticed() {
    for (total, says) in [
        (json!(251), "250 granules came, but there are 251 of them"),
        (json!(249), "250 granules came, but there are 249 of them"),
        (json!(null), "250 granules came, and nobody says how many there are"),
        (json!(-3), "nobody says how many"),
    ] {
        let all = records(250);
        let twist: Twist = Box::new(move |asked, mut page| {
            if asked.is_stac {
                page["numberMatched"] = total.clone();
                page["context"] = json!({"matched": total});
            }
            Ok(page)
        });
        let world = World::with(all.clone(), twist);
        let (found, watch) = by_stac(&query(&world.server));
        assert_eq!(ids(&found.unwrap()), ids_of(&all));
        assert!(watch.warnings()[0].contains(says), "{:?}", watch.warnings());
    }
}

#[test]
fn granules_of_another_collection_are_not_taken() {
    let twist: Twist = Box::new(|asked, mut page| {
        if asked.is_stac {
            page["features"][2]["collection"] = "ATL08_007".into();
        }
        Ok(page)
    });
    let world = World::with(records(50), twist);
    let (found, watch) = by_stac(&query(&world.server));
    assert_eq!(found.unwrap().metadata["source"], "CMR");
    assert!(watch.warnings()[0].contains("\"ATL08_007\" where ATL03_007 was asked for"));
}

#[test]
fn failures_that_pass_are_not_noticed() {
    let passing: [(&str, Fault); 6] = [
        ("500", |_, _| Err(Response::new(500))),
        ("502", |_, _| Err(Response::new(502))),
        ("torn", |_, _| Err(Response::torn())),
        ("cut", |_, page| {
            Err(Response::new(200).with_body("application/json", page.to_string()).cut_after(500, End::Reset))
        }),
        ("truncated", |_, page| raw("application/json", half(&page))),
        ("web page", |_, _| raw("text/html", "<html>")),
    ];
    for (name, fault) in passing {
        for of_stac in [true, false] {
            let all = records(250);
            let twist: Twist = Box::new(move |asked, page| {
                if asked.is_stac == of_stac && asked.before < 2 { fault(asked, page) } else { Ok(page) }
            });
            let world = World::with(all.clone(), twist);
            let (found, watch) =
                if of_stac { by_stac(&query(&world.server)) } else { by_cmr(&query(&world.server)) };
            assert_eq!(ids(&found.unwrap()), ids_of(&all), "{name}");
            assert!(watch.warnings().is_empty(), "{name}: {:?}", watch.warnings());
        }
    }
}

#[test]
fn a_server_is_left_alone_for_as_long_as_it_asks_but_not_for_a_day() {
    let now = "Sun, 06 Nov 1994 08:49:37 GMT";
    for after in ["1", "Sun, 06 Nov 1994 08:49:38 GMT", "86400"] {
        let twist: Twist = Box::new(move |asked, page| {
            if asked.before == 0 && asked.offset == 0 {
                return Err(Response::new(429).with_header("Retry-After", after).with_header("Date", now));
            }
            Ok(page)
        });
        let world = World::with(records(50), twist);
        let start = Instant::now();
        let (found, watch) = by_cmr(&query(&world.server));
        assert_eq!(found.unwrap().entries.len(), 50);
        let took = start.elapsed();
        assert!((Duration::from_secs(1)..Duration::from_secs(6)).contains(&took), "{after}: {took:?}");
        assert!(watch.warnings().is_empty());
    }
}

#[test]
fn a_cursor_that_does_not_work_is_replaced_by_another() {
    // The page before is asked for again, and gives another cursor.
    let all = records(250);
    let twist: Twist =
        Box::new(
            |asked, page| {
                if asked.is_stac && asked.cursor == "100.0" { Err(Response::new(500)) } else { Ok(page) }
            },
        );
    let world = World::with(all.clone(), twist);
    let (found, watch) = by_stac(&query(&world.server));
    let found = found.unwrap();
    assert_eq!(ids(&found), ids_of(&all));
    assert_eq!(found.metadata["source"], "CMR-STAC");
    let [warning] = &watch.warnings()[..] else { panic!("{:?}", watch.warnings()) };
    assert!(
        warning.contains("page 2 failed") && warning.ends_with("going on from the page before it"),
        "{warning}"
    );
}

#[test]
fn what_fails_after_everything_came_is_not_missed() {
    for fault in [
        || Err(Response::new(500)),
        || raw("application/json", "{"),
        || Ok(json!({"features": [], "items": []})),
    ] {
        let all = records(200);
        let twist: Twist = Box::new(move |asked, page| if asked.offset >= 200 { fault() } else { Ok(page) });
        let world = World::with(all.clone(), twist);
        for by in [by_stac, by_cmr] {
            let (found, watch) = by(&query(&world.server));
            assert_eq!(ids(&found.unwrap()), ids_of(&all));
            assert!(watch.warnings().is_empty(), "{:?}", watch.warnings());
        }
    }
}

#[test]
fn redirects_within_the_server_are_followed() {
    let all = records(20);
    for status in [301, 307, 308] {
        let done = AtomicBool::new(false);
        let twist: Twist = Box::new(move |asked, page| {
            if asked.is_stac && !done.swap(true, Ordering::SeqCst) {
                return Err(Response::redirect(status, "?collections=ATL03_007&limit=100&again=1"));
            }
            Ok(page)
        });
        let world = World::with(all.clone(), twist);
        let (found, watch) = by_stac(&query(&world.server));
        let found = found.unwrap();
        assert_eq!(ids(&found), ids_of(&all), "{status}");
        assert_eq!((&found.metadata["source"], watch.warnings().len()), (&json!("CMR-STAC"), 0));
    }
}

#[test]
fn granules_without_footprint_or_files_are_named() {
    let twist: Twist = Box::new(|_, mut page| {
        for (number, one) in list(&mut page).iter_mut().enumerate() {
            match number {
                0 => one["geometry"] = Value::Null,
                1 => one["assets"] = json!({}),
                2 => one["geometry"]["coordinates"][0][1] = json!(["west", 1]),
                3 => {
                    one["geometry"] = Value::Null;
                    one["bbox"] = json!([1, 2, 3, 4]);
                }
                _ => {}
            }
        }
        Ok(page)
    });
    let world = World::with(records(10), twist);
    let (found, _) = by_stac(&query(&world.server));
    let found = found.unwrap();
    assert_eq!(found.entries.len(), 7);
    let all = records(10);
    let mut wanted = vec![
        format!("granule {}: its item has neither a geometry nor a box", all[0].id),
        format!("granule {}: its record has no link to a data file", all[1].id),
        format!("granule {}: its geometry has a position that is none", all[2].id),
    ];
    let mut told = found.incomplete;
    wanted.sort();
    told.sort();
    assert_eq!(told, wanted);
}

#[test]
fn records_of_the_same_file_are_taken_once() {
    let mut all = records(10);
    // The archive adds to the name of a record that it has twice.
    let double = super::world::Record { id: format!("{}_dpyQXxz6", all[4].id), ..all[4].clone() };
    let wanted = all.clone();
    all.push(double);
    let world = World::new(all);
    for by in [by_stac, by_cmr] {
        let (found, watch) = by(&query(&world.server));
        let found = found.unwrap();
        assert_eq!((ids(&found), found.incomplete.len()), (ids_of(&wanted), 0));
        assert!(watch.warnings()[0].contains("taken once"), "{:?}", watch.warnings());
    }
}
