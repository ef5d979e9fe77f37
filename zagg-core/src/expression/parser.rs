//! From tokens to the tree: precedence climbing with Python's levels.

use super::ast::{BinaryOp, Comparison, Node, Op, UnaryOp};
use super::function;
use super::lexer::{Fault, Token, tokens};
use super::literal::{self, Literal};

/// Longest text, in bytes.
const MAX_TEXT: usize = 4096;
/// Deepest nesting, of brackets as of operations.
const MAX_DEPTH: usize = 64;
/// Most operations, calls, names and numbers.
const MAX_NODES: usize = 1024;

/// How tightly operators bind, loosest first. Comparisons do not chain; a power binds tighter than the sign before it
/// and its right side is again a signed value.
const COMPARE: u8 = 1;
const OR: u8 = 2;
const AND: u8 = 3;
const SUM: u8 = 4;
const TERM: u8 = 5;
const SIGN: u8 = 6;
const POWER: u8 = 7;

/// A text that has been parsed.
pub(super) struct Parsed {
    pub(super) root: Node,
    /// Names of the columns and where each stands first.
    pub(super) columns: Vec<(String, usize)>,
}

/// The tree and the columns in it.
pub(super) fn parse(text: &str) -> Result<Parsed, Fault> {
    if text.len() > MAX_TEXT {
        return Err(Fault::new(MAX_TEXT + 1, format!("the text is longer than {MAX_TEXT} bytes")));
    }
    let mut parser = Parser { tokens: tokens(text)?, at: 0, columns: Vec::new(), depth: 0, nodes: 0 };
    let node = parser.expression(COMPARE)?;
    match parser.peek() {
        Token::End => Ok(Parsed { root: node, columns: parser.columns }),
        Token::Symbol(")") => Err(parser.fault("there is no ( for this )")),
        Token::Symbol(".") => Err(parser.fault("methods are not supported; write mean(x), not x.mean()")),
        Token::Symbol("=") => Err(parser.fault(ASSIGNED)),
        Token::Name(name) => Err(parser.fault(misplaced(name))),
        other => Err(parser.fault(format!("expected an operator, found {}", other.describe()))),
    }
}

fn misplaced(name: &str) -> String {
    match name {
        "and" => "conditions are joined with &, each in parentheses: (a > 0) & (b > 0)".to_string(),
        "or" => "conditions are joined with |, each in parentheses: (a > 0) | (b > 0)".to_string(),
        "not" => "a condition is negated with ~, in parentheses: ~(a > 0)".to_string(),
        "if" | "else" => "a choice is written where(condition, a, b)".to_string(),
        "in" | "is" | "lambda" | "for" => format!("{name} is not supported"),
        _ => format!("expected an operator, found {name:?}"),
    }
}

const ASSIGNED: &str = "= stands only before the value of a named argument; compare with ==";

/// The operator that a symbol stands for between two values, and how tightly it binds.
fn operator(symbol: &str) -> Option<(BinaryOp, u8)> {
    use Comparison::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
    Some(match symbol {
        "<" => (BinaryOp::Compare(Less), COMPARE),
        "<=" => (BinaryOp::Compare(LessEqual), COMPARE),
        ">" => (BinaryOp::Compare(Greater), COMPARE),
        ">=" => (BinaryOp::Compare(GreaterEqual), COMPARE),
        "==" => (BinaryOp::Compare(Equal), COMPARE),
        "!=" => (BinaryOp::Compare(NotEqual), COMPARE),
        "|" => (BinaryOp::Or, OR),
        "&" => (BinaryOp::And, AND),
        "+" => (BinaryOp::Add, SUM),
        "-" => (BinaryOp::Subtract, SUM),
        "*" => (BinaryOp::Multiply, TERM),
        "/" => (BinaryOp::Divide, TERM),
        "//" => (BinaryOp::FloorDivide, TERM),
        "%" => (BinaryOp::Modulo, TERM),
        "**" => (BinaryOp::Power, POWER),
        _ => return None,
    })
}

struct Parser {
    /// Ends with [`Token::End`].
    tokens: Vec<(Token, usize)>,
    at: usize,
    columns: Vec<(String, usize)>,
    depth: usize,
    nodes: usize,
}

impl Parser {
    fn look(&self, ahead: usize) -> &Token {
        self.tokens.get(self.at + ahead).map_or(&Token::End, |(token, _)| token)
    }

    fn peek(&self) -> &Token {
        self.look(0)
    }

    /// Where the next token starts.
    fn column(&self) -> usize {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |(_, column)| *column)
    }

    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(self.column(), message)
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Token::Symbol(s) if *s == symbol);
        self.at += usize::from(found);
        found
    }

    /// Counts a node and refuses trees that are too large.
    fn node(&mut self, column: usize, op: Op, children: Vec<Node>) -> Result<Node, Fault> {
        self.checked(column, Node::new(op, children, column))
    }

    fn literal(&mut self, column: usize, literal: Literal) -> Result<Node, Fault> {
        self.node(column, Op::Literal(literal), Vec::new())
    }

    fn checked(&mut self, column: usize, node: Node) -> Result<Node, Fault> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Fault::new(column, format!("the expression has more than {MAX_NODES} operations")));
        }
        if node.depth > MAX_DEPTH {
            return Err(Fault::new(
                column,
                format!("the expression is nested deeper than {MAX_DEPTH} levels"),
            ));
        }
        Ok(node)
    }

    /// An expression whose operators bind at least as tightly as `loosest`.
    fn expression(&mut self, loosest: u8) -> Result<Node, Fault> {
        if self.depth >= MAX_DEPTH {
            return Err(self.fault(format!("the expression is nested deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        let node = self.operators(loosest);
        self.depth -= 1;
        node
    }

    fn operators(&mut self, loosest: u8) -> Result<Node, Fault> {
        let mut left = self.operand()?;
        let mut compared = false;
        while let Token::Symbol(symbol) = *self.peek() {
            let Some((op, binding)) = operator(symbol) else { break };
            if binding < loosest {
                break;
            }
            let column = self.column();
            if matches!(op, BinaryOp::Compare(_)) {
                if compared {
                    return Err(Fault::new(
                        column,
                        "comparisons do not chain; put each in parentheses: (a > 0) & (a < 1)",
                    ));
                }
                compared = true;
            }
            self.at += 1;
            let right = self.expression(if op == BinaryOp::Power { SIGN } else { binding + 1 })?;
            left = self.binary(column, op, left, right)?;
        }
        Ok(left)
    }

    fn binary(&mut self, column: usize, op: BinaryOp, left: Node, right: Node) -> Result<Node, Fault> {
        if let (Some(a), Some(b)) = (left.literal(), right.literal()) {
            let value = literal::binary(op, a, b).map_err(|message| Fault::new(column, message))?;
            return self.literal(column, value);
        }
        self.node(column, Op::Binary(op), vec![left, right])
    }

    fn operand(&mut self) -> Result<Node, Fault> {
        let column = self.column();
        let token = self.peek().clone();
        self.at += 1;
        match token {
            Token::Integer(x) => self.literal(column, Literal::Int(x)),
            Token::Float(x) => self.literal(column, Literal::Float(x)),
            Token::Symbol("-") => self.signed(column, UnaryOp::Negate),
            Token::Symbol("~") => self.signed(column, UnaryOp::Invert),
            Token::Symbol("+") => self.expression(SIGN),
            Token::Symbol("(") => {
                let node = self.expression(COMPARE)?;
                self.close()?;
                Ok(node)
            }
            Token::Name(name) => self.named(column, name),
            Token::Symbol(_) | Token::End => {
                let message = format!("expected a value, found {}", token.describe());
                Err(Fault::new(column, message))
            }
        }
    }

    fn signed(&mut self, column: usize, op: UnaryOp) -> Result<Node, Fault> {
        let x = self.expression(SIGN)?;
        match x.literal() {
            Some(x) => {
                let value = literal::unary(op, x).map_err(|message| Fault::new(column, message))?;
                self.literal(column, value)
            }
            None => self.node(column, Op::Unary(op), vec![x]),
        }
    }

    fn close(&mut self) -> Result<(), Fault> {
        if self.take(")") {
            return Ok(());
        }
        Err(match self.peek() {
            Token::Name(name) => self.fault(misplaced(name)),
            Token::Symbol("=") => self.fault(ASSIGNED),
            Token::Symbol(".") => self.fault("methods are not supported; write mean(x), not x.mean()"),
            Token::End => self.fault("expected )"),
            other => self.fault(format!("expected ), found {}", other.describe())),
        })
    }

    /// What follows a name: a truth value, a call, a constant of numpy or a column.
    fn named(&mut self, column: usize, mut name: String) -> Result<Node, Fault> {
        match name.as_str() {
            "True" => return self.literal(column, Literal::Bool(true)),
            "False" => return self.literal(column, Literal::Bool(false)),
            "and" | "or" | "not" | "if" | "else" | "in" | "is" | "lambda" | "for" => {
                return Err(Fault::new(column, misplaced(&name)));
            }
            _ => {}
        }
        let mut of_numpy = false;
        if matches!(name.as_str(), "np" | "numpy") && self.take(".") {
            match self.peek().clone() {
                Token::Name(member) => name = member,
                other => {
                    return Err(
                        self.fault(format!("expected a name after the dot, found {}", other.describe()))
                    );
                }
            }
            of_numpy = true;
            self.at += 1;
        }
        if self.take("(") {
            return self.call(column, &name);
        }
        if of_numpy {
            let value = match name.as_str() {
                "pi" => std::f64::consts::PI,
                "e" => std::f64::consts::E,
                "inf" => f64::INFINITY,
                "nan" => f64::NAN,
                _ => {
                    return Err(Fault::new(
                        column,
                        format!("np.{name} is no number; functions need parentheses"),
                    ));
                }
            };
            return self.literal(column, Literal::Float(value));
        }
        let index = self.columns.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            self.columns.push((name, column));
            self.columns.len() - 1
        });
        self.node(column, Op::Column(index), Vec::new())
    }

    /// The arguments of a call, behind its opening parenthesis.
    fn call(&mut self, column: usize, name: &str) -> Result<Node, Fault> {
        let (mut positional, mut named) = (Vec::new(), Vec::<(String, Node)>::new());
        while !self.take(")") {
            let start = self.column();
            match (self.peek().clone(), self.look(1)) {
                (Token::Name(argument), Token::Symbol("=")) => {
                    self.at += 2;
                    if named.iter().any(|(n, _)| *n == argument) {
                        return Err(Fault::new(start, format!("the argument {argument} is given twice")));
                    }
                    named.push((argument, self.expression(COMPARE)?));
                }
                _ if named.is_empty() => positional.push(self.expression(COMPARE)?),
                _ => return Err(Fault::new(start, "unnamed arguments stand before named ones")),
            }
            if !self.take(",") {
                self.close()?;
                break;
            }
        }
        let node =
            function::call(name, positional, named, column).map_err(|message| Fault::new(column, message))?;
        self.checked(column, node)
    }
}
