//! The functions by name, and what arguments they take.

use super::ast::{BinaryOp, Level, Map, Map2, Node, Op, Reduction, UnaryOp};
use super::literal::Literal;
use crate::column::DType;
use crate::reduce::Nan::{Propagate, Skip};
use crate::suggest::did_you_mean;

/// How a call becomes a node.
#[derive(Debug, Clone, Copy)]
enum Function {
    Map(Map),
    Map2(Map2),
    Power,
    Logical(BinaryOp),
    Not,
    Where,
    Round,
    Clip,
    Cast(DType),
    Reduce(Simple),
    Quantile(crate::reduce::Nan),
    Average,
    CountNonzero,
}

/// Reductions that need nothing beside the column, except `ddof`.
#[derive(Debug, Clone, Copy)]
enum Simple {
    Len,
    Sum(crate::reduce::Nan),
    Min(crate::reduce::Nan),
    Max(crate::reduce::Nan),
    Mean(crate::reduce::Nan),
    Median(crate::reduce::Nan),
    Variance(crate::reduce::Nan, bool),
    Range,
    Any,
    All,
}

/// Every name; a function may have several.
const FUNCTIONS: &[(&str, Function)] = &[
    ("sqrt", Function::Map(Map::Sqrt)),
    ("log", Function::Map(Map::Log)),
    ("log2", Function::Map(Map::Log2)),
    ("log10", Function::Map(Map::Log10)),
    ("log1p", Function::Map(Map::Log1p)),
    ("exp", Function::Map(Map::Exp)),
    ("expm1", Function::Map(Map::Expm1)),
    ("cbrt", Function::Map(Map::Cbrt)),
    ("square", Function::Map(Map::Square)),
    ("arcsin", Function::Map(Map::Arcsin)),
    ("arccos", Function::Map(Map::Arccos)),
    ("arctan", Function::Map(Map::Arctan)),
    ("sin", Function::Map(Map::Sin)),
    ("cos", Function::Map(Map::Cos)),
    ("tan", Function::Map(Map::Tan)),
    ("radians", Function::Map(Map::Radians)),
    ("deg2rad", Function::Map(Map::Radians)),
    ("degrees", Function::Map(Map::Degrees)),
    ("rad2deg", Function::Map(Map::Degrees)),
    ("abs", Function::Map(Map::Abs)),
    ("absolute", Function::Map(Map::Abs)),
    ("floor", Function::Map(Map::Floor)),
    ("ceil", Function::Map(Map::Ceil)),
    ("trunc", Function::Map(Map::Trunc)),
    ("sign", Function::Map(Map::Sign)),
    ("isfinite", Function::Map(Map::IsFinite)),
    ("isinf", Function::Map(Map::IsInf)),
    ("isnan", Function::Map(Map::IsNan)),
    ("minimum", Function::Map2(Map2::Minimum)),
    ("maximum", Function::Map2(Map2::Maximum)),
    ("arctan2", Function::Map2(Map2::Arctan2)),
    ("hypot", Function::Map2(Map2::Hypot)),
    ("power", Function::Power),
    ("logical_and", Function::Logical(BinaryOp::And)),
    ("logical_or", Function::Logical(BinaryOp::Or)),
    ("logical_not", Function::Not),
    ("where", Function::Where),
    ("round", Function::Round),
    ("clip", Function::Clip),
    ("float", Function::Cast(DType::Float64)),
    ("int", Function::Cast(DType::Int64)),
    ("len", Function::Reduce(Simple::Len)),
    ("sum", Function::Reduce(Simple::Sum(Propagate))),
    ("nansum", Function::Reduce(Simple::Sum(Skip))),
    ("min", Function::Reduce(Simple::Min(Propagate))),
    ("nanmin", Function::Reduce(Simple::Min(Skip))),
    ("max", Function::Reduce(Simple::Max(Propagate))),
    ("nanmax", Function::Reduce(Simple::Max(Skip))),
    ("mean", Function::Reduce(Simple::Mean(Propagate))),
    ("nanmean", Function::Reduce(Simple::Mean(Skip))),
    ("median", Function::Reduce(Simple::Median(Propagate))),
    ("nanmedian", Function::Reduce(Simple::Median(Skip))),
    ("std", Function::Reduce(Simple::Variance(Propagate, true))),
    ("nanstd", Function::Reduce(Simple::Variance(Skip, true))),
    ("var", Function::Reduce(Simple::Variance(Propagate, false))),
    ("nanvar", Function::Reduce(Simple::Variance(Skip, false))),
    ("quantile", Function::Quantile(Propagate)),
    ("nanquantile", Function::Quantile(Skip)),
    ("average", Function::Average),
    ("count_nonzero", Function::CountNonzero),
    ("ptp", Function::Reduce(Simple::Range)),
    ("any", Function::Reduce(Simple::Any)),
    ("all", Function::Reduce(Simple::All)),
];

/// The arguments of a call, taken one by one.
struct Arguments<'a> {
    name: &'a str,
    positional: std::vec::IntoIter<Node>,
    named: Vec<(String, Node)>,
}

impl Arguments<'_> {
    fn next(&mut self, what: &str) -> Result<Node, String> {
        self.positional.next().ok_or_else(|| format!("{}(...) lacks its argument {what}", self.name))
    }

    fn named(&mut self, name: &str) -> Option<Node> {
        let at = self.named.iter().position(|(n, _)| n == name)?;
        Some(self.named.swap_remove(at).1)
    }

    /// An argument by name or by place.
    fn either(&mut self, name: &str) -> Option<Node> {
        self.named(name).or_else(|| self.positional.next())
    }

    /// A constant whole number within the given range.
    fn integer(
        &mut self,
        name: &str,
        node: &Node,
        range: std::ops::RangeInclusive<i128>,
    ) -> Result<i32, String> {
        match node.literal() {
            Some(Literal::Int(x)) if range.contains(&x) => i32::try_from(x).map_err(|e| e.to_string()),
            _ => Err(format!(
                "{name} of {}(...) must be a whole number from {} to {}",
                self.name,
                range.start(),
                range.end()
            )),
        }
    }

    fn finish(mut self) -> Result<(), String> {
        if let Some((name, _)) = self.named.first() {
            return Err(format!("{}(...) has no argument {name}", self.name));
        }
        match self.positional.next() {
            None => Ok(()),
            Some(_) => Err(format!("too many arguments for {}(...){}", self.name, hint(self.name))),
        }
    }
}

fn hint(name: &str) -> &'static str {
    match name {
        "min" => "; the lesser of two values is minimum(a, b)",
        "max" => "; the greater of two values is maximum(a, b)",
        "average" => "; weights are given as weights=...",
        "var" | "std" | "nanvar" | "nanstd" => "; the degrees of freedom are given as ddof=...",
        _ => "",
    }
}

/// The node for a call that stands at that column of the text.
pub(super) fn call(
    name: &str,
    positional: Vec<Node>,
    named: Vec<(String, Node)>,
    at: usize,
) -> Result<Node, String> {
    let function = match FUNCTIONS.iter().find(|(n, _)| *n == name) {
        Some((_, function)) => *function,
        None => match DType::parse(name) {
            Some(dtype) => Function::Cast(dtype),
            None => {
                let known = FUNCTIONS.iter().map(|(n, _)| *n);
                return Err(format!(
                    "there is no function {name:?}{}{}",
                    did_you_mean(name, known),
                    elsewhere(name)
                ));
            }
        },
    };
    let mut arguments = Arguments { name, positional: positional.into_iter(), named };
    let (op, children) = match function {
        Function::Map(map) => (Op::Map(map), vec![arguments.next("x")?]),
        Function::Map2(map) => (Op::Map2(map), vec![arguments.next("a")?, arguments.next("b")?]),
        Function::Power => {
            (Op::Binary(BinaryOp::Power), vec![arguments.next("base")?, arguments.next("exponent")?])
        }
        Function::Logical(op) => {
            let (a, b) = (truth(arguments.next("a")?), truth(arguments.next("b")?));
            (Op::Binary(op), vec![a, b])
        }
        Function::Not => (Op::Unary(UnaryOp::Invert), vec![truth(arguments.next("x")?)]),
        Function::Where => {
            (Op::Where, vec![arguments.next("condition")?, arguments.next("a")?, arguments.next("b")?])
        }
        Function::Round => {
            let x = arguments.next("x")?;
            let decimals = match arguments.either("decimals") {
                Some(node) => arguments.integer("decimals", &node, -15..=15)?,
                None => 0,
            };
            (Op::Round(decimals), vec![x])
        }
        Function::Clip => {
            let (x, low, high) = (arguments.next("x")?, arguments.next("low")?, arguments.next("high")?);
            let raised = Node::new(Op::Map2(Map2::Maximum), vec![x, low], at);
            (Op::Map2(Map2::Minimum), vec![raised, high])
        }
        Function::Cast(dtype) => (Op::Cast(dtype), vec![arguments.next("x")?]),
        Function::Reduce(simple) => {
            let x = rows(name, arguments.next("x")?)?;
            (Op::Reduce(reduction(simple, &mut arguments)?), vec![x])
        }
        Function::CountNonzero => {
            let x = rows(name, arguments.next("x")?)?;
            (Op::Reduce(Reduction::Sum(Propagate)), vec![truth(x)])
        }
        Function::Quantile(nan) => {
            let x = rows(name, arguments.next("x")?)?;
            let q = arguments.either("q").ok_or_else(|| format!("{name}(...) lacks its argument q"))?;
            let q = q.literal().map(Literal::to_f64).filter(|q| (0.0..=1.0).contains(q));
            let q = q.ok_or_else(|| format!("q of {name}(...) must be a number from 0 to 1"))?;
            (Op::Reduce(Reduction::Quantile { q, nan }), vec![x])
        }
        Function::Average => {
            let x = rows(name, arguments.next("x")?)?;
            match arguments.named("weights") {
                None => (Op::Reduce(Reduction::Mean(Propagate)), vec![x]),
                Some(weights) => (Op::Reduce(Reduction::Average), vec![x, weights]),
            }
        }
    };
    arguments.finish()?;
    Ok(Node::new(op, children, at))
}

/// Whether a value is not zero.
fn truth(x: Node) -> Node {
    let at = x.at;
    Node::new(Op::Cast(DType::Bool), vec![x], at)
}

/// What serves instead of a function of numpy that gives several values.
fn elsewhere(name: &str) -> &'static str {
    match name {
        "histogram" | "percentile" | "unique" | "bincount" | "digitize" | "cumsum" | "diff" | "sort"
        | "argsort" | "argmin" | "argmax" => {
            "; expressions give one value; see the statistics for what a function: can give"
        }
        _ => "",
    }
}

fn reduction(simple: Simple, arguments: &mut Arguments<'_>) -> Result<Reduction, String> {
    Ok(match simple {
        Simple::Len => Reduction::Len,
        Simple::Sum(nan) => Reduction::Sum(nan),
        Simple::Min(nan) => Reduction::Min(nan),
        Simple::Max(nan) => Reduction::Max(nan),
        Simple::Mean(nan) => Reduction::Mean(nan),
        Simple::Median(nan) => Reduction::Quantile { q: 0.5, nan },
        Simple::Variance(nan, root) => {
            let ddof = match arguments.named("ddof") {
                Some(node) => arguments.integer("ddof", &node, 0..=1_000_000)?.unsigned_abs(),
                None => 0,
            };
            Reduction::Variance { ddof, nan, root }
        }
        Simple::Range => Reduction::Range,
        Simple::Any => Reduction::Any,
        Simple::All => Reduction::All,
    })
}

/// Makes sure that there is something to reduce.
fn rows(name: &str, node: Node) -> Result<Node, String> {
    match node.level {
        Level::Row => Ok(node),
        Level::Group => Err(format!("{name}(...) is applied to a value that is already reduced")),
        Level::One => Err(format!("{name}(...) is applied to a constant; it needs a column")),
    }
}
