//! What `zagg run --executor lambda` says before anything is called.

use crate::bench::Bench;

#[test]
fn a_function_must_be_named() {
    let said = Bench::with_map().run(&["--executor", "lambda"]).exits(2);
    assert!(said.err.contains("--function"), "{said:?}");
}

#[cfg(not(feature = "lambda"))]
#[test]
fn a_program_without_lambda_says_how_to_get_it() {
    let bench = Bench::with_map();
    let said = bench.run(&["--executor", "lambda", "--function", "f", "--region", "us-west-2"]).exits(1);
    assert!(said.err.contains("--features lambda"), "{said:?}");
    assert_eq!(bench.names(), ["granules", "map.json"]);
}

#[cfg(feature = "lambda")]
#[test]
fn only_stores_in_buckets_are_taken() {
    let bench = Bench::with_map();
    let said = bench.run(&["--executor", "lambda", "--function", "f", "--region", "us-west-2"]).exits(1);
    assert!(said.err.contains("give --store s3://bucket/folder"), "{said:?}");
    assert_eq!(bench.names(), ["granules", "map.json"]);
}

#[test]
fn costs_and_modes_are_checked_as_they_are_typed() {
    let bench = Bench::with_map();
    for bad in
        [["--max-cost", "-1"], ["--max-cost", "nan"], ["--seconds-per-granule", "1e9"], ["--mode", "both"]]
    {
        let said = bench.run(&["--executor", "lambda", "--function", "f", bad[0], bad[1]]).exits(2);
        assert!(said.err.contains(bad[0]), "{said:?}");
    }
}
