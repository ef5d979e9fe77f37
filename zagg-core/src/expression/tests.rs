//! Expressions against numpy, against a naive interpreter, and against nonsense.

mod blocks;
mod merging;
mod numpy;
mod types;

use proptest::prelude::*;

use super::Expression;
use crate::column::{DType, Values};

#[test]
fn faults_say_what_and_where() {
    for (text, message) in [
        ("1.0 / (s_li", "expected ) at column 12"),
        ("", "expected a value, found the end at column 1"),
        ("a +", "expected a value, found the end at column 4"),
        ("a b", "expected an operator, found \"b\" at column 3"),
        ("a)", "there is no ( for this ) at column 2"),
        ("0 < a < 1", "comparisons do not chain; put each in parentheses: (a > 0) & (a < 1) at column 7"),
        (
            "a == 0 & b == 1",
            "comparisons do not chain; put each in parentheses: (a > 0) & (a < 1) at column 12",
        ),
        ("a and b", "conditions are joined with &, each in parentheses: (a > 0) & (b > 0) at column 3"),
        ("a = 1", "= stands only before the value of a named argument; compare with == at column 3"),
        ("a ^ 2", "^ has no meaning; a power is written with ** at column 3"),
        ("a[0]", "indexing is not supported at column 2"),
        ("a.mean()", "methods are not supported; write mean(x), not x.mean() at column 2"),
        ("np.a", "np.a is no number; functions need parentheses at column 1"),
        ("os.system(1)", "methods are not supported; write mean(x), not x.mean() at column 3"),
        ("'a'", "texts are not supported; write names and numbers without quotes at column 1"),
        ("1 / 0 + a", "division by zero at column 3"),
        ("squrt(a)", "there is no function \"squrt\"; did you mean \"sqrt\"? at column 1"),
        (
            "max(a, b)",
            "too many arguments for max(...); the greater of two values is maximum(a, b) at column 1",
        ),
        ("sum(a, axis=0)", "sum(...) has no argument axis at column 1"),
        ("sqrt()", "sqrt(...) lacks its argument x at column 1"),
        ("var(a, ddof=-1)", "ddof of var(...) must be a whole number from 0 to 1000000 at column 1"),
        ("quantile(a, q=b)", "q of quantile(...) must be a number from 0 to 1 at column 1"),
        ("quantile(a, 25)", "q of quantile(...) must be a number from 0 to 1 at column 1"),
        ("quantile(a)", "quantile(...) lacks its argument q at column 1"),
        ("quantile(q=0.5, a)", "unnamed arguments stand before named ones at column 17"),
        ("var(a, ddof=1, ddof=1)", "the argument ddof is given twice at column 16"),
        ("sum(mean(a))", "sum(...) is applied to a value that is already reduced at column 1"),
        ("mean(1)", "mean(...) is applied to a constant; it needs a column at column 1"),
        (
            "histogram(a)",
            "there is no function \"histogram\"; expressions give one value; see the statistics for what a function: can give at column 1",
        ),
    ] {
        let error = Expression::parse(text).unwrap_err();
        assert_eq!(error.to_string(), format!("expression {text:?}: {message}"));
        // The caret stands under the same character.
        let (_, column) = message.rsplit_once(' ').unwrap();
        let report = error.report();
        let [_, shown, caret] = report.lines().collect::<Vec<_>>()[..] else { panic!("{report}") };
        assert_eq!(caret.chars().count(), 2 + column.parse::<usize>().unwrap(), "{report}");
        assert!(shown.trim_end() == format!("  {text}").trim_end() || text.is_empty(), "{report}");
    }
}

#[test]
fn faults_of_types_and_values_have_a_caret_too() {
    let x = Values::Int8(vec![1, 2, -3]);
    let y = Values::Float32(vec![1.0, 2.0, 3.0]);
    let column = |name: &str| match name {
        "x" => Some(&x),
        "y" => Some(&y),
        _ => None,
    };
    for (text, message, caret) in [
        ("1 + (x + 200)", "the number 200 does not fit the type int8 of the values it meets at column 8", 8),
        ("x * ~y", "~ needs a condition or integers, not float32 at column 5", 5),
        (
            "x > 0 & y",
            "& and | need conditions or integers, not float32; put comparisons in parentheses at column 7",
            7,
        ),
        (
            "2 * x ** x",
            "integers have no negative powers; write the base as a float, as in 2.0**-1 at column 7",
            7,
        ),
        ("y + z", "there is no column \"z\" to evaluate over at column 5", 5),
    ] {
        let error = Expression::parse(text).unwrap().evaluate_rows(3, &column).unwrap_err();
        assert_eq!(error.to_string(), format!("expression {text:?}: {message}"));
        assert_eq!(error.report(), format!("{error}\n  {text}\n  {}^", " ".repeat(caret - 1)));
    }
    let big = Values::UInt64(vec![u64::MAX, 1]);
    let error =
        Expression::parse("1 + sum(big)").unwrap().evaluate_groups(&[0, 2], &|_| Some(&big)).unwrap_err();
    assert_eq!(
        error.report(),
        "expression \"1 + sum(big)\": a sum of uint64 values exceeds 64 bits; sum float64(...) instead at column 5\n  \
         1 + sum(big)\n      ^"
    );
    let unknown = Expression::parse("x +  yy").unwrap().check_columns(["x", "y"]).unwrap_err();
    assert!(unknown.report().ends_with("\n  x +  yy\n       ^"), "{}", unknown.report());
    let reduced = Expression::parse("x - mean(x)").unwrap().check_per_row().unwrap_err();
    assert!(reduced.report().ends_with("\n  x - mean(x)\n      ^"), "{}", reduced.report());
}

#[test]
fn columns_are_listed_and_checked() {
    let expression = Expression::parse("sqrt(b) + a * b - np.sum(c)").unwrap();
    assert_eq!(expression.columns(), ["b", "a", "c"]);
    assert!(expression.check_columns(["a", "b", "c", "d"]).is_ok());
    assert_eq!(
        Expression::parse("h_lj + 1").unwrap().check_columns(["h_li", "s_li"]).unwrap_err().to_string(),
        "expression \"h_lj + 1\": there is no column \"h_lj\"; did you mean \"h_li\"?; there are: h_li, s_li"
    );
}

#[test]
fn rows_and_groups_are_not_confused() {
    let x = Values::Int8(vec![1, 2, 3]);
    let column = |name: &str| (name == "x").then_some(&x);
    let evaluate = |text: &str| Expression::parse(text).unwrap().evaluate_groups(&[0, 1, 3], &column);
    assert_eq!(
        evaluate("x - mean(x)").unwrap_err().to_string(),
        "expression \"x - mean(x)\": gives one value per row; use a reduction such as mean(...)"
            .replace("\":", "\"")
    );
    assert_eq!(evaluate("2").unwrap(), Values::Int64(vec![2, 2]));
    assert_eq!(evaluate("sum(x) * 2").unwrap(), Values::Int64(vec![2, 10]));
    let rows = |text: &str| Expression::parse(text).unwrap().evaluate_rows(3, &column);
    assert_eq!(rows("1 < 2").unwrap(), Values::Bool(vec![true; 3]));
    assert!(rows("x - mean(x)").unwrap_err().to_string().contains("holds a reduction"));
    assert!(rows("y").unwrap_err().to_string().contains("there is no column \"y\""));
    assert!(rows("x + 200").unwrap_err().to_string().contains("200 does not fit the type int8"));
    assert!(rows("x ** -1").unwrap_err().to_string().contains("no negative powers"));
    assert!(rows("(x > 1) - (x > 2)").unwrap_err().to_string().contains("compare them with !="));
    assert!(rows("x & 1.5").unwrap_err().to_string().contains("not float64"));
    assert!(Expression::parse("x").unwrap().evaluate_rows(4, &column).is_err());
    for offsets in [&[0, 4][..], &[0, 0, 3], &[2, 1]] {
        assert!(Expression::parse("sum(x)").unwrap().evaluate_groups(offsets, &column).is_err());
    }
    assert_eq!(
        Expression::parse("sum(x - max(x))").unwrap().evaluate_groups(&[1, 3], &column).unwrap(),
        Values::Int64(vec![-1]),
        "groups may start behind the first row"
    );
    assert_eq!(
        Expression::parse("sum(x - max(x))").unwrap().evaluate_groups(&[], &column).unwrap(),
        Values::Int64(Vec::new())
    );
}

#[test]
fn the_power_of_one_half_is_a_root() {
    for text in ["x ** 0.5", "power(x, 0.5)"] {
        let x = Values::Float64(vec![f64::NEG_INFINITY, -0.0, 2.0, f64::INFINITY]);
        let found = Expression::parse(text).unwrap().evaluate_rows(4, &|_| Some(&x)).unwrap().to_f64();
        assert!(found[0].is_nan(), "{text}: {found:?}");
        assert_eq!(found[1].to_bits(), (-0.0_f64).to_bits(), "{text}");
        assert_eq!(found[2..], [2f64.sqrt(), f64::INFINITY], "{text}");
    }
}

#[test]
fn bombs_are_refused() {
    for text in [
        format!("{}1{}", "(".repeat(2000), ")".repeat(2000)),
        "-".repeat(4000) + "x",
        "x".to_string() + &"**x".repeat(1000),
        "x".to_string() + &"+x".repeat(2000),
        "x".to_string() + &"*x".repeat(200),
        format!("{}x{}", "sqrt(".repeat(500), ")".repeat(500)),
        format!("minimum({})", vec!["1"; 1800].join(",")),
        " ".repeat(5000),
        "9**9**9**9".to_string(),
        "2**10000000000".to_string(),
    ] {
        let error = Expression::parse(&text).unwrap_err().to_string();
        assert!(error.len() < 400, "{error}");
    }
    // Wrapping integers: many operations, no overflow of time or memory.
    let x = Values::Int64(vec![3]);
    let found =
        Expression::parse("x ** 4611686018427387904").unwrap().evaluate_rows(1, &|_| Some(&x)).unwrap();
    assert_eq!(found, Values::Int64(vec![1]));
}

/// The least and the greatest value of a type, and some between.
fn extremes(dtype: DType) -> Values {
    macro_rules! integers {
        ($($variant:ident: $t:ident),*) => {
            match dtype {
                $(DType::$variant => Values::$variant(vec![$t::MIN, $t::MAX, 0, 1, $t::MAX - 1]),)*
                DType::Bool => Values::Bool(vec![false, true, false, true, true]),
                DType::Float32 => Values::Float32(vec![f32::NEG_INFINITY, f32::MAX, 0.0, f32::NAN, -1.5]),
                DType::Float64 => Values::Float64(vec![f64::NEG_INFINITY, f64::MAX, -0.0, f64::NAN, -1.5]),
            }
        };
    }
    integers!(Int8: i8, Int16: i16, Int32: i32, Int64: i64, UInt8: u8, UInt16: u16, UInt32: u32, UInt64: u64)
}

/// An expression as a tree, written out and reckoned independently of the compiler.
#[derive(Debug, Clone)]
enum Tree {
    Number(f64),
    Column(usize),
    Negate(Box<Tree>),
    Sqrt(Box<Tree>),
    Binary(char, Box<Tree>, Box<Tree>),
    Where(Box<Tree>, Box<Tree>, Box<Tree>),
    /// Sum or maximum of the tree times the first column.
    Reduce(bool, Box<Tree>),
}

const NAMES: [&str; 2] = ["a", "b"];

impl Tree {
    /// The text with as few parentheses as Python needs, and how tightly its outermost operator binds.
    fn write(&self) -> (String, u8) {
        let within = |tree: &Self, least: u8| {
            let (text, binding) = tree.write();
            if binding < least { format!("({text})") } else { text }
        };
        match self {
            Self::Number(x) => (format!("{x:?}"), 9),
            Self::Column(i) => (NAMES[*i].to_string(), 9),
            Self::Negate(x) => (format!("-{}", within(x, 3)), 3),
            Self::Sqrt(x) => (format!("np.sqrt({})", x.write().0), 9),
            Self::Binary('^', a, b) => (format!("{} ** {}", within(a, 5), within(b, 3)), 4),
            Self::Binary(op @ ('*' | '/'), a, b) => (format!("{}{op}{}", within(a, 2), within(b, 3)), 2),
            Self::Binary(op, a, b) => (format!("{} {op} {}", within(a, 1), within(b, 2)), 1),
            Self::Where(c, a, b) => {
                (format!("where({} > 0, {}, {})", within(c, 1), a.write().0, b.write().0), 9)
            }
            Self::Reduce(sum, x) => {
                (format!("{}({} * a)", if *sum { "sum" } else { "max" }, within(x, 2)), 9)
            }
        }
    }

    fn constant(&self) -> bool {
        match self {
            Self::Number(_) => true,
            Self::Negate(x) => x.constant(),
            Self::Binary(_, a, b) => a.constant() && b.constant(),
            _ => false,
        }
    }

    fn value(&self, row: usize, group: &std::ops::Range<usize>, columns: &[Vec<f64>; 2]) -> f64 {
        let of = |tree: &Self| tree.value(row, group, columns);
        match self {
            Self::Number(x) => *x,
            Self::Column(i) => columns[*i][row],
            Self::Negate(x) => -of(x),
            Self::Sqrt(x) => of(x).sqrt(),
            Self::Binary('+', a, b) => of(a) + of(b),
            Self::Binary('-', a, b) => of(a) - of(b),
            Self::Binary('*', a, b) => of(a) * of(b),
            Self::Binary('/', a, b) => of(a) / of(b),
            Self::Binary(_, a, b) if b.constant() && of(b) == 2.0 && !a.constant() => of(a) * of(a),
            Self::Binary(_, a, b) => of(a).powf(of(b)),
            Self::Where(c, a, b) => {
                if of(c) > 0.0 {
                    of(a)
                } else {
                    of(b)
                }
            }
            Self::Reduce(sum, x) => {
                let terms = group.clone().map(|row| x.value(row, group, columns) * columns[0][row]);
                if *sum {
                    terms.fold(0.0, |sum, x| sum + x)
                } else {
                    terms.fold(f64::NEG_INFINITY, |max, x| if max.is_nan() || max > x { max } else { x })
                }
            }
        }
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    let number = (1u8..40).prop_map(|x| Tree::Number(f64::from(x) / 4.0));
    let leaf = prop_oneof![number, (0..2usize).prop_map(Tree::Column)];
    leaf.prop_recursive(5, 30, 3, |inner| {
        let boxed = inner.prop_map(Box::new).boxed();
        prop_oneof![
            1 => boxed.clone().prop_map(Tree::Negate),
            1 => boxed.clone().prop_map(Tree::Sqrt),
            8 => (proptest::sample::select(vec!['+', '-', '*', '/', '^']), boxed.clone(), boxed.clone())
                .prop_map(|(op, a, b)| Tree::Binary(op, a, b)),
            1 => (boxed.clone(), boxed.clone(), boxed.clone()).prop_map(|(c, a, b)| Tree::Where(c, a, b)),
            1 => (any::<bool>(), boxed).prop_map(|(sum, x)| Tree::Reduce(sum, x)),
        ]
    })
}

fn equal(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn trees_are_parsed_as_python_does_and_reckoned_as_row_by_row(
        tree in trees(),
        rows in proptest::collection::vec((-8i8..8, -8i8..8), 9),
    ) {
        let half = |x: i8| f64::from(x) / 2.0;
        let columns = [rows.iter().map(|r| half(r.0)).collect(), rows.iter().map(|r| half(r.1)).collect()];
        let typed = columns.clone().map(Values::Float64);
        let column = |name: &str| NAMES.iter().position(|n| *n == name).map(|i| &typed[i]);
        // Python refuses some operations between constants; columns give infinity and NaN.
        let refused = |e: &crate::Error| e.to_string().contains("division by zero") || e.to_string().contains("no real power");
        let (text, _) = tree.write();
        match Expression::parse(&text) {
            Err(e) => prop_assert!(refused(&e), "{e}"),
            Ok(expression) if expression.is_rowwise() => {
                let found = expression.evaluate_rows(9, &column).unwrap().to_f64();
                for (row, found) in found.into_iter().enumerate() {
                    let expected = tree.value(row, &(0..9), &columns);
                    prop_assert!(equal(found, expected), "{text}: {found} is not {expected}");
                }
            }
            Ok(_) => {}
        }
        let tree = Tree::Reduce(true, Box::new(tree));
        let (text, _) = tree.write();
        if let Ok(expression) = Expression::parse(&text) {
            let offsets = [0u32, 1, 3, 9];
            let found = expression.evaluate_groups(&offsets, &column).unwrap().to_f64();
            for (group, found) in offsets.windows(2).zip(found) {
                let range = group[0] as usize..group[1] as usize;
                let expected = tree.value(range.start, &range, &columns);
                prop_assert!(equal(found, expected), "{text}: {found} is not {expected}");
            }
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        let _ = Expression::parse(&text).map_err(|e| e.to_string());
    }

    #[test]
    fn no_mixture_of_tokens_and_types_panics(
        tokens in proptest::collection::vec(
            proptest::sample::select(vec![
                "a", "b", "1", "2.5", "0", "18446744073709551615", "-", "~", "+", "*", "/", "//", "%", "**", "&", "|",
                "<", "==", "(", ")", ",", "np.", "sum(", "sqrt(", "where(", "round(", "int8(", "quantile(", "q=", "max(",
                "average(", "weights=", "abs(", "True", "logical_not(", "square(", "trunc(", "uint64(", "minimum(",
                "count_nonzero(", "ptp(",
            ]),
            1..14,
        ),
        a in 0..11usize,
        b in 0..11usize,
    ) {
        let columns = [extremes(DType::ALL[a]), extremes(DType::ALL[b])];
        let column = |name: &str| NAMES.iter().position(|n| *n == name).map(|i| &columns[i]);
        if let Ok(expression) = Expression::parse(&tokens.join(" ")) {
            // What is said of the types beforehand holds for the values.
            let known = |name: &str| column(name).map(Values::dtype);
            let certain = expression.check_types(&known);
            let unknown = expression.check_types(&|_| None);
            for (found, n) in [
                (expression.evaluate_rows(5, &column), 5),
                (expression.evaluate_groups(&[0, 1, 5], &column), 2),
            ] {
                if let Ok(found) = found {
                    prop_assert_eq!(found.len(), n);
                    prop_assert_eq!(certain.clone(), Ok(Some(found.dtype())));
                    prop_assert!(unknown.clone().is_ok_and(|t| t.is_none_or(|t| t == found.dtype())));
                }
            }
        }
    }
}
