//! The section `aggregation`.

use serde_json::{Map, Value};

use super::section::{Fault, Section};
use crate::column::{DType, Values};
use crate::error::{Error, Result as CoreResult};
use crate::statistic::VariableKind;

/// What is computed per cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregation {
    /// The variables, in the order of the file.
    pub variables: Vec<Variable>,
}

/// One output array.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// Name of the array.
    pub name: String,
    /// What gives its values.
    pub computation: Computation,
    /// Element type.
    pub dtype: DType,
    /// Value of empty cells.
    pub fill: FillValue,
    /// What a cell holds.
    pub kind: VariableKind,
    /// Shape of a cell's value (`trailing_shape`), or of one of its items (`inner_shape`), when the pipeline gives it.
    pub shape: Option<Vec<u64>>,
    /// Attributes of the array that the pipeline sets itself.
    pub attrs: Map<String, Value>,
}

/// What gives the value of a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Computation {
    /// A statistic.
    Function {
        /// Its name, without a leading `np.`.
        name: String,
        /// The column it is applied to.
        source: Option<String>,
        /// Its parameters.
        params: Map<String, Value>,
    },
    /// An expression with reductions.
    Expression(String),
}

/// Value of empty cells.
#[derive(Debug, Clone, PartialEq)]
pub enum FillValue {
    /// Not a number.
    NaN,
    /// Positive or negative infinity.
    Infinite {
        /// Whether it is the negative one.
        negative: bool,
    },
    /// A number, exact for integers.
    Number(serde_json::Number),
}

impl FillValue {
    /// One value of the given type.
    ///
    /// # Errors
    /// When the type cannot hold it.
    pub fn to_values(&self, dtype: DType) -> CoreResult<Values> {
        let wide = match self {
            Self::NaN => Values::Float64(vec![f64::NAN]),
            Self::Infinite { negative } => {
                Values::Float64(vec![if *negative { f64::NEG_INFINITY } else { f64::INFINITY }])
            }
            Self::Number(n) => match (n.as_u64(), n.as_i64()) {
                (Some(n), _) => Values::UInt64(vec![n]),
                (_, Some(n)) => Values::Int64(vec![n]),
                _ => Values::Float64(vec![n.as_f64().unwrap_or(f64::NAN)]),
            },
        };
        let values = wide.cast(dtype)?;
        // A number beyond the range would become infinite.
        if let (Self::Number(n), Values::Float32(rounded)) = (self, &values)
            && rounded.iter().any(|x| !x.is_finite())
        {
            return Err(Error::input(format!("the value {n} does not fit the type {dtype}")));
        }
        Ok(values)
    }

    fn canonical(&self) -> Value {
        match self {
            Self::NaN => "NaN".into(),
            Self::Infinite { negative: false } => "Infinity".into(),
            Self::Infinite { negative: true } => "-Infinity".into(),
            Self::Number(n) => Value::Number(n.clone()),
        }
    }
}

impl Aggregation {
    pub(super) fn read(section: &mut Section<'_>) -> Result<Self, Fault> {
        section.ignore("handoff", "names an internal carrier of the original");
        section.ignore("streaming", "concerns the memory of the original");
        section.refuse("chunk_precompute")?;
        if let Some(mut coordinates) = section.section("coordinates")? {
            // The grid brings its coordinates; the original lists them with type and fill value.
            coordinates.each(|name, coordinate| {
                if !["cell_ids", "morton"].contains(&name) {
                    return Err(Fault {
                        path: vec!["aggregation".into(), "coordinates".into(), name.into()],
                        message: "unknown coordinate; the grid brings its own, such as cell_ids".into(),
                    });
                }
                coordinate.take("dtype");
                coordinate.take("fill_value");
                coordinate.finish()
            })?;
        }
        let mut variables = Vec::new();
        section.required_section("variables")?.each(|name, variable| {
            variables.push(Variable::read(name, variable)?);
            Ok(())
        })?;
        section.finish()?;
        Ok(Self { variables })
    }

    pub(super) fn canonical(&self) -> Value {
        self.variables.iter().map(|v| (v.name.clone(), v.canonical())).collect::<Map<_, _>>().into()
    }
}

impl Variable {
    fn read(name: &str, section: &mut Section<'_>) -> Result<Self, Fault> {
        let legal = name.len() <= 128
            && !name.starts_with('.')
            && !name.starts_with("__")
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
        if !legal || name.is_empty() {
            return Err(Fault {
                path: vec!["aggregation".into(), "variables".into(), name.into()],
                message: "a variable's name is letters, digits, _, - and ., and does not begin with . or __"
                    .into(),
            });
        }
        let computation = Self::read_computation(section)?;
        let dtype = match section.string("dtype")? {
            None => DType::Float32,
            Some(name) => DType::parse(&name).ok_or_else(|| {
                let known: Vec<&str> = DType::ALL.iter().map(|t| t.name()).collect();
                section.fault("dtype", format!("unknown type {name:?}; there are {}", known.join(", ")))
            })?,
        };
        let fill = Self::read_fill(section, dtype, &computation)?;
        fill.to_values(dtype).map_err(|error| section.fault("fill_value", error.message().to_string()))?;
        let (kind, shape) = Self::read_kind(section)?;
        if kind != VariableKind::Scalar && matches!(computation, Computation::Expression(_)) {
            return Err(section.fault("kind", "an expression gives one number for a cell; leave kind out"));
        }
        for absent in ["resolution", "location", "temporal", "weights", "overview_delta"] {
            section.refuse(absent)?;
        }
        let attrs = match section.take("attrs") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(map)) => map,
            Some(_) => return Err(section.fault("attrs", "must be a mapping")),
        };
        section.finish()?;
        Ok(Self { name: name.into(), computation, dtype, fill, kind, shape, attrs })
    }

    fn read_kind(section: &mut Section<'_>) -> Result<(VariableKind, Option<Vec<u64>>), Fault> {
        let kind = match section.string("kind")?.as_deref() {
            None | Some("scalar") => VariableKind::Scalar,
            Some("vector") => VariableKind::Vector,
            Some("ragged") => VariableKind::Ragged,
            Some(other) => {
                return Err(section
                    .fault("kind", format!("unknown kind {other:?}; there are scalar, vector, ragged")));
            }
        };
        let mut shape = None;
        for (key, owner) in [("trailing_shape", VariableKind::Vector), ("inner_shape", VariableKind::Ragged)]
        {
            let Some(value) = section.take(key).filter(|value| !value.is_null()) else { continue };
            if kind != owner {
                let owner = owner.name();
                return Err(section.fault(key, format!("belongs to kind: {owner}")));
            }
            shape = Some(read_shape(&value).map_err(|message| section.fault(key, message))?);
        }
        Ok((kind, shape))
    }

    fn read_computation(section: &mut Section<'_>) -> Result<Computation, Fault> {
        let function = section.string("function")?;
        let expression = section.string("expression")?;
        let source = section.string("source")?;
        let params = match section.take("params") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(map)) => map,
            Some(_) => return Err(section.fault("params", "must be a mapping")),
        };
        match (function, expression) {
            (Some(name), None) => {
                let bare = name.strip_prefix("np.").or_else(|| name.strip_prefix("numpy.")).unwrap_or(&name);
                Ok(Computation::Function { name: bare.into(), source, params })
            }
            (None, Some(text)) if params.is_empty() => Ok(Computation::Expression(text)),
            (None, Some(_)) => Err(section.fault("params", "belongs to a function, not to an expression")),
            _ => Err(section.fault("function", "a variable needs exactly one of function and expression")),
        }
    }

    fn read_fill(
        section: &mut Section<'_>,
        dtype: DType,
        computation: &Computation,
    ) -> Result<FillValue, Fault> {
        let counts =
            matches!(computation, Computation::Function { name, .. } if COUNTS.contains(&name.as_str()));
        match section.take("fill_value") {
            None | Some(Value::Null) if dtype.is_float() => Ok(FillValue::NaN),
            None | Some(Value::Null) if counts => Ok(FillValue::Number(0.into())),
            None | Some(Value::Null) => Err(section
                .fault("fill_value", format!("is needed: {dtype} has no NaN to mark empty cells with"))),
            Some(Value::Number(n)) => Ok(FillValue::Number(n)),
            Some(Value::String(text)) => match text.as_str() {
                "NaN" | "nan" => Ok(FillValue::NaN),
                "Infinity" => Ok(FillValue::Infinite { negative: false }),
                "-Infinity" => Ok(FillValue::Infinite { negative: true }),
                _ => Err(section.fault("fill_value", format!("must be a number or NaN, not {text:?}"))),
            },
            Some(other) => Err(section.fault("fill_value", format!("must be a number or NaN, not {other}"))),
        }
    }

    fn canonical(&self) -> Value {
        let mut map = Map::new();
        match &self.computation {
            Computation::Function { name, source, params } => {
                map.insert("function".into(), name.clone().into());
                if let Some(source) = source {
                    map.insert("source".into(), source.clone().into());
                }
                map.insert("params".into(), params.clone().into());
            }
            Computation::Expression(text) => {
                map.insert("expression".into(), text.clone().into());
            }
        }
        map.insert("dtype".into(), self.dtype.name().into());
        map.insert("fill_value".into(), self.fill.canonical());
        if self.kind != VariableKind::Scalar {
            map.insert("kind".into(), self.kind.name().into());
        }
        if let Some(shape) = &self.shape {
            let key = if self.kind == VariableKind::Vector { "trailing_shape" } else { "inner_shape" };
            map.insert(key.into(), shape.clone().into());
        }
        map.insert("attrs".into(), self.attrs.clone().into());
        map.into()
    }
}

/// Functions that count, so that an empty cell has 0 of what they count.
pub(super) const COUNTS: [&str; 4] = ["len", "count", "nancount", "histogram"];

/// Most numbers of one cell's value.
pub(super) const MAX_ITEMS: u64 = 1 << 16;

/// A shape: one size or a list of sizes, each at least 1.
fn read_shape(value: &Value) -> Result<Vec<u64>, String> {
    let wrong = || format!("must be a size or a list of sizes, each at least 1, not {value}");
    let sizes = match value {
        Value::Array(items) if items.len() <= 4 => {
            items.iter().map(Value::as_u64).collect::<Option<Vec<u64>>>().ok_or_else(wrong)?
        }
        other => vec![other.as_u64().ok_or_else(wrong)?],
    };
    if sizes.contains(&0) {
        return Err(wrong());
    }
    match sizes.iter().try_fold(1u64, |all, &size| all.checked_mul(size)).filter(|&all| all <= MAX_ITEMS) {
        Some(_) => Ok(sizes),
        None => Err(format!("{value} has more than {MAX_ITEMS} numbers for one cell")),
    }
}
