//! The columns of a Parquet file and their types (`parquet.thrift` of apache/parquet-format, `LogicalTypes.md`).

use zagg_core::suggest::did_you_mean;
use zagg_core::{DType, Error, Result};

use super::raw::Physical;
use super::thrift::{Kind, Thrift};

/// Deepest nesting of columns.
const MAX_DEPTH: usize = 64;

/// Most columns, nested ones counted too.
const MAX_ELEMENTS: usize = 1 << 16;

/// A column of numbers, flags or points.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Leaf {
    /// Its place in every row group.
    pub(super) index: usize,
    pub(super) name: String,
    pub(super) physical: Physical,
    /// The type of its values, none for points.
    pub(super) dtype: Option<DType>,
    /// Definition level of a value that is there; 0 for columns in which none is missing.
    pub(super) max_level: u8,
}

/// A column as the file describes it.
#[derive(Debug, Clone)]
struct Described {
    /// Names from the top, joined by dots.
    name: String,
    element: Element,
    max_level: u8,
    /// Whether a row may have several values.
    repeated: bool,
}

/// Every column of a file.
#[derive(Debug, Clone)]
pub(super) struct Schema {
    columns: Vec<Described>,
    /// Names of groups of columns.
    groups: Vec<String>,
}

/// One node of the tree of columns.
#[derive(Debug, Clone, Default)]
struct Element {
    name: String,
    physical: Option<u64>,
    optional: bool,
    repeated: bool,
    children: usize,
    /// `ConvertedType`, the older way to say what values mean.
    converted: Option<u64>,
    /// Field of the union `LogicalType`.
    logical: Option<i64>,
    /// Width and signedness of a logical integer.
    integer: Option<(i64, bool)>,
}

impl Element {
    fn read(thrift: &mut Thrift<'_>) -> Result<Self> {
        let mut element = Self::default();
        thrift.structure(|thrift, field, kind| {
            match field {
                1 => element.physical = Some(thrift.unsigned(kind)?),
                3 => match thrift.unsigned(kind)? {
                    0 => {}
                    1 => element.optional = true,
                    _ => element.repeated = true,
                },
                4 => element.name = thrift.text(kind)?,
                5 => element.children = usize::try_from(thrift.unsigned(kind)?).unwrap_or(usize::MAX),
                6 => element.converted = Some(thrift.unsigned(kind)?),
                10 if kind == Kind::Struct => thrift.structure(|thrift, logical, kind| {
                    element.logical = Some(logical);
                    if logical != 10 || kind != Kind::Struct {
                        return Ok(false);
                    }
                    let (mut width, mut signed) = (0, true);
                    thrift.structure(|thrift, field, kind| {
                        match field {
                            1 => width = thrift.int(kind)?,
                            2 => signed = kind == Kind::True,
                            _ => return Ok(false),
                        }
                        Ok(true)
                    })?;
                    element.integer = Some((width, signed));
                    Ok(true)
                })?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(element)
    }

    /// Type of the values, or what they are instead.
    fn dtype(&self) -> Result<(Physical, DType), &'static str> {
        let decimal = self.converted == Some(5) || self.logical == Some(5);
        // ConvertedType: UINT_8 to UINT_64 are 11 to 14, INT_8 to INT_64 are 15 to 18.
        let integer = self.integer.or(match self.converted {
            Some(code @ 11..=14) => Some((8 << (code - 11), false)),
            Some(code @ 15..=18) => Some((8 << (code - 15), true)),
            _ => None,
        });
        Ok(match (self.physical, integer) {
            _ if decimal => return Err("decimal numbers"),
            (Some(0), _) => (Physical::Bool, DType::Bool),
            (Some(1), Some((8, true))) => (Physical::Int32, DType::Int8),
            (Some(1), Some((16, true))) => (Physical::Int32, DType::Int16),
            (Some(1), Some((8, false))) => (Physical::Int32, DType::UInt8),
            (Some(1), Some((16, false))) => (Physical::Int32, DType::UInt16),
            (Some(1), Some((_, false))) => (Physical::Int32, DType::UInt32),
            (Some(1), _) => (Physical::Int32, DType::Int32),
            (Some(2), Some((_, false))) => (Physical::Int64, DType::UInt64),
            (Some(2), _) => (Physical::Int64, DType::Int64),
            (Some(3), _) => return Err("96-bit time stamps"),
            (Some(4), _) => (Physical::Float, DType::Float32),
            (Some(5), _) => (Physical::Double, DType::Float64),
            (Some(7), _) if self.logical == Some(15) => return Err("16-bit floats"),
            (Some(6 | 7), _) => return Err("text or bytes"),
            _ => return Err("values of an unknown type"),
        })
    }
}

impl Schema {
    pub(super) fn read(thrift: &mut Thrift<'_>, kind: Kind) -> Result<Self> {
        let mut elements = Vec::new();
        thrift.structures(kind, |thrift, number| {
            if number >= MAX_ELEMENTS {
                return Err(Error::unsupported(format!("the file has more than {MAX_ELEMENTS} columns")));
            }
            elements.push(Element::read(thrift)?);
            Ok(())
        })?;
        Self::of(elements)
    }

    /// The tree was written down depth first, each node before its children.
    fn of(elements: Vec<Element>) -> Result<Self> {
        /// A group whose children are not all read yet.
        struct Open {
            left: usize,
            prefix: String,
            level: u8,
            repeated: bool,
        }
        let mut schema = Self { columns: Vec::new(), groups: Vec::new() };
        let mut open: Vec<Open> = Vec::new();
        for (number, element) in elements.into_iter().enumerate() {
            if number == 0 {
                let root = Open { left: element.children, prefix: String::new(), level: 0, repeated: false };
                open.push(root);
                continue;
            }
            while open.last().is_some_and(|group| group.left == 0) {
                open.pop();
            }
            let depth = open.len();
            let Some(group) = open.last_mut().filter(|_| depth <= MAX_DEPTH) else {
                return Err(Error::corrupt("the columns of the file do not form a tree"));
            };
            group.left -= 1;
            let name = match group.prefix.as_str() {
                "" => element.name.clone(),
                prefix => format!("{prefix}.{}", element.name),
            };
            let level = group.level + u8::from(element.optional || element.repeated);
            let repeated = group.repeated || element.repeated;
            if element.physical.is_some() {
                schema.columns.push(Described { name, element, max_level: level, repeated });
            } else {
                schema.groups.push(name.clone());
                open.push(Open { left: element.children, prefix: name, level, repeated });
            }
        }
        if open.iter().any(|group| group.left > 0) {
            return Err(Error::corrupt("the file has fewer columns than it says"));
        }
        Ok(schema)
    }

    fn find(&self, name: &str) -> Result<(usize, &Described)> {
        let found = self.columns.iter().enumerate().find(|(_, column)| column.name == name);
        let nested = || {
            Error::unsupported(format!(
                "the column {name} holds lists or other columns; name one that holds numbers"
            ))
        };
        match found {
            Some((_, column)) if column.repeated => Err(nested()),
            Some(found) => Ok(found),
            None if self.groups.iter().any(|group| group == name) => Err(nested()),
            None => Err(Error::not_found(format!(
                "there is no column {name}{}",
                did_you_mean(name, self.columns.iter().map(|column| column.name.as_str()))
            ))),
        }
    }

    /// The column of numbers or flags with this name.
    pub(super) fn leaf(&self, name: &str) -> Result<Leaf> {
        let (index, Described { element, max_level, .. }) = self.find(name)?;
        let (physical, dtype) = element.dtype().map_err(|what| {
            Error::unsupported(format!(
                "the column {name} holds {what}, which are not read; it must hold numbers"
            ))
        })?;
        Ok(Leaf { index, name: name.into(), physical, dtype: Some(dtype), max_level: *max_level })
    }

    /// The column of points with this name.
    pub(super) fn points(&self, name: &str) -> Result<Leaf> {
        let (index, Described { element, max_level, .. }) = self.find(name)?;
        if element.physical != Some(6) {
            return Err(Error::unsupported(format!("the column {name} does not hold well-known binary")));
        }
        Ok(Leaf { index, name: name.into(), physical: Physical::Point, dtype: None, max_level: *max_level })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, children: usize) -> Element {
        Element { name: name.into(), children, ..Element::default() }
    }

    fn column(name: &str, physical: u64) -> Element {
        Element { name: name.into(), physical: Some(physical), ..Element::default() }
    }

    #[test]
    fn nested_columns_have_dotted_names_and_levels() {
        let elements = vec![
            group("schema", 3),
            Element { optional: true, ..group("box", 2) },
            Element { optional: true, ..column("x", 5) },
            column("y", 4),
            Element { repeated: true, ..group("list", 1) },
            column("item", 5),
            Element { integer: Some((8, false)), ..column("q", 1) },
        ];
        let schema = Schema::of(elements).unwrap();
        let x = schema.leaf("box.x").unwrap();
        assert_eq!((x.index, x.max_level, x.dtype), (0, 2, Some(DType::Float64)));
        assert_eq!(schema.leaf("box.y").unwrap().max_level, 1);
        assert_eq!(schema.leaf("q").unwrap().dtype, Some(DType::UInt8));
        for name in ["box", "list", "list.item"] {
            assert!(
                schema.leaf(name).unwrap_err().message().contains("holds lists or other columns"),
                "{name}"
            );
        }
        assert_eq!(schema.leaf("qq").unwrap_err().message(), "there is no column qq; did you mean \"q\"?");
    }

    #[test]
    fn what_is_no_number_is_refused_by_name() {
        let elements = vec![
            group("schema", 3),
            Element { converted: Some(5), ..column("price", 1) },
            column("name", 6),
            column("old", 3),
        ];
        let schema = Schema::of(elements).unwrap();
        for (name, what) in [("price", "decimal"), ("name", "text"), ("old", "96-bit")] {
            let error = schema.leaf(name).unwrap_err();
            assert!(error.message().contains(name) && error.message().contains(what), "{error}");
        }
    }

    #[test]
    fn broken_trees_are_refused() {
        assert!(Schema::of(vec![group("schema", 2), column("a", 1)]).is_err());
        assert!(Schema::of(vec![group("schema", 1), column("a", 1), column("b", 1)]).is_err());
        let deep: Vec<Element> = (0..1000).map(|_| group("g", 1)).collect();
        assert!(Schema::of(deep).is_err());
        assert!(Schema::of(vec![group("schema", usize::MAX), column("a", 1)]).is_err());
    }
}
