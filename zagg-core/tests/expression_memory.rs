//! An expression as large as the limits allow takes no more memory than a small one. A process of its own: the peak that
//! the system keeps is that of the whole process.

#![cfg(target_os = "linux")]
// Helpers outside the test functions may fail like them.
#![allow(clippy::unwrap_used)]

use zagg_core::Values;
use zagg_core::expression::Expression;

const ROWS: usize = 2_000_000;

/// Most memory that the process has had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// A sum of `n` terms, two and two.
fn sum(terms: Vec<String>) -> String {
    let mut terms = terms;
    while terms.len() > 1 {
        let pairs = terms.chunks(2);
        terms = pairs
            .map(|pair| if let [a, b] = pair { format!("({a}+{b})") } else { pair[0].clone() })
            .collect();
    }
    terms.swap_remove(0)
}

#[test]
fn an_expression_bomb_takes_little_memory() {
    let h = Values::Float64((0..ROWS).map(|i| (i % 1000) as f64).collect());
    let q = Values::Int8((0..ROWS).map(|i| (i % 3) as i8).collect());
    let column = |name: &str| Some(if name == "h" { &h } else { &q });
    let one = [0, ROWS as u32];
    let each: Vec<u32> = (0..=ROWS as u32).collect();
    // What the result alone takes.
    let small = Expression::parse("max(h)").unwrap().evaluate_groups(&each, &column).unwrap();
    assert_eq!(small.len(), ROWS);
    drop(small);
    let before = peak();

    // Nearly 1000 operations, each of which would take 16 MB over all rows.
    let wide = format!("sum({})", sum((0..160).map(|k| format!("h*(q+{})", k % 100)).collect()));
    // Nested as deeply as it may be, so that as many intermediates as possible wait for each other.
    let deep = format!("sum({}h{})", "(h*q+".repeat(28), ")".repeat(28));
    // Reductions whose values per group would all have to be kept.
    let many = sum((0..200).map(|_| "max(h*q)".to_string()).collect());
    for (text, offsets) in [(wide, &one[..]), (deep, &one[..]), (many, &each[..])] {
        let values = Expression::parse(&text).unwrap().evaluate_groups(offsets, &column).unwrap();
        assert_eq!(values.len(), offsets.len() - 1);
        // One more column for what is reduced, one for the result, and the blocks.
        let grown = peak() - before;
        assert!(grown < 48 << 20, "{grown} bytes for {:.60}…", text);
    }
}
