//! The byte form of what crosses the boundary of a library and is not hot: options, requests, footprints, specifications.
//!
//! Not JSON, because numbers must arrive bit for bit: JSON has no NaN, and its parsers round. Integers are little-endian,
//! texts and lists carry their length in front, structs are their fields in order, enums a number and then its fields. Nothing
//! names itself: both sides have the same [`FORM`].
//!
//! What is read may be wrong in any way: lengths are checked against what is left, and nesting is bounded.

mod records;

use std::ops::Range;

use serde_json::{Map, Number, Value};

use crate::error::{Error, Result};

/// Version of the byte form. It changes with every change of a type that crosses in it.
pub(super) const FORM: u32 = 1;

/// Lists and documents nested deeper than this are refused.
const MAX_DEPTH: u32 = 256;

/// Something that has a byte form.
pub(super) trait Wire: Sized {
    /// Appends the byte form, which has at least one byte.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads it back.
    ///
    /// # Errors
    /// When the bytes are none of this type.
    fn unpack(input: &mut Input<'_>) -> Result<Self>;
}

/// Bytes that are still to be read.
#[derive(Debug)]
pub(super) struct Input<'a> {
    rest: &'a [u8],
    depth: u32,
}

impl<'a> Input<'a> {
    fn bytes(&mut self, n: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or_else(|| broken("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.bytes(N)?.try_into().map_err(|_| broken("it ends too early"))
    }

    /// The length of a text or a list, each of whose items has at least one byte.
    fn length(&mut self) -> Result<usize> {
        let n = usize::unpack(self)?;
        if n > self.rest.len() { Err(broken("a length passes its end")) } else { Ok(n) }
    }

    /// Enters something that may hold others of its kind.
    fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(broken("it is nested too deeply")) } else { Ok(()) }
    }

    /// The number of a variant.
    fn variant(&mut self) -> Result<u8> {
        u8::unpack(self)
    }
}

fn broken(what: &str) -> Error {
    Error::plugin(format!("a message across the library's boundary is damaged: {what}"))
}

/// The byte form of a value.
pub(super) fn encode<T: Wire>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    value.put(&mut out);
    out
}

/// The value of a byte form.
///
/// # Errors
/// When the bytes are none of this type, or more follow.
pub(super) fn decode<T: Wire>(bytes: &[u8]) -> Result<T> {
    let mut input = Input { rest: bytes, depth: 0 };
    let value = T::unpack(&mut input)?;
    if input.rest.is_empty() { Ok(value) } else { Err(broken("more follows its end")) }
}

macro_rules! numbers {
    ($($t:ty),*) => {
        $(impl Wire for $t {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn unpack(input: &mut Input<'_>) -> Result<Self> {
                input.array().map(<$t>::from_le_bytes)
            }
        })*
    };
}
numbers!(u8, u32, u64, i32, i64, f64);

impl Wire for usize {
    fn put(&self, out: &mut Vec<u8>) {
        (*self as u64).put(out);
    }

    fn unpack(input: &mut Input<'_>) -> Result<Self> {
        Self::try_from(u64::unpack(input)?).map_err(|_| broken("a number is too large"))
    }
}

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn unpack(input: &mut Input<'_>) -> Result<Self> {
        match u8::unpack(input)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(broken("a truth value is neither true nor false")),
        }
    }
}

impl Wire for String {
    fn put(&self, out: &mut Vec<u8>) {
        self.len().put(out);
        out.extend_from_slice(self.as_bytes());
    }

    fn unpack(input: &mut Input<'_>) -> Result<Self> {
        let n = input.length()?;
        let bytes = input.bytes(n)?;
        Self::from_utf8(bytes.to_vec()).map_err(|_| broken("a text is not UTF-8"))
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn unpack(input: &mut Input<'_>) -> Result<Self> {
        Ok(match bool::unpack(input)? {
            true => Some(T::unpack(input)?),
            false => None,
        })
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.len().put(out);
        for item in self {
            item.put(out);
        }
    }

    fn unpack(input: &mut Input<'_>) -> Result<Self> {
        input.deeper()?;
        // The length is not believed as an amount of memory: items may be larger than their bytes.
        let n = input.length()?;
        let mut items = Self::new();
        for _ in 0..n {
            items.push(T::unpack(input)?);
        }
        input.depth -= 1;
        Ok(items)
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn unpack(input: &mut Input<'_>) -> Result<Self> {
        Ok((A::unpack(input)?, B::unpack(input)?))
    }
}

impl Wire for Range<u64> {
    fn put(&self, out: &mut Vec<u8>) {
        self.start.put(out);
        self.end.put(out);
    }

    fn unpack(input: &mut Input<'_>) -> Result<Self> {
        Ok(u64::unpack(input)?..u64::unpack(input)?)
    }
}

impl Wire for [f64; 2] {
    fn put(&self, out: &mut Vec<u8>) {
        self[0].put(out);
        self[1].put(out);
    }

    fn unpack(input: &mut Input<'_>) -> Result<Self> {
        Ok([f64::unpack(input)?, f64::unpack(input)?])
    }
}

impl Wire for Map<String, Value> {
    fn put(&self, out: &mut Vec<u8>) {
        self.len().put(out);
        for (key, value) in self {
            key.put(out);
            value.put(out);
        }
    }

    fn unpack(input: &mut Input<'_>) -> Result<Self> {
        let n = input.length()?;
        let mut map = Self::new();
        for _ in 0..n {
            map.insert(String::unpack(input)?, Value::unpack(input)?);
        }
        Ok(map)
    }
}

impl Wire for Value {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.push(0),
            Self::Bool(value) => {
                out.push(1);
                value.put(out);
            }
            Self::Number(number) => {
                if let Some(number) = number.as_u64() {
                    out.push(2);
                    number.put(out);
                } else if let Some(number) = number.as_i64() {
                    out.push(3);
                    number.put(out);
                } else {
                    out.push(4);
                    // What is no integer is a finite float.
                    number.as_f64().unwrap_or_default().put(out);
                }
            }
            Self::String(text) => {
                out.push(5);
                text.put(out);
            }
            Self::Array(items) => {
                out.push(6);
                items.put(out);
            }
            Self::Object(map) => {
                out.push(7);
                map.put(out);
            }
        }
    }

    fn unpack(input: &mut Input<'_>) -> Result<Self> {
        input.deeper()?;
        let value = match input.variant()? {
            0 => Self::Null,
            1 => bool::unpack(input)?.into(),
            2 => u64::unpack(input)?.into(),
            3 => i64::unpack(input)?.into(),
            4 => Number::from_f64(f64::unpack(input)?)
                .map(Self::Number)
                .ok_or_else(|| broken("a number of a document is not finite"))?,
            5 => String::unpack(input)?.into(),
            6 => Self::Array(Vec::unpack(input)?),
            7 => Self::Object(Map::unpack(input)?),
            _ => return Err(broken("a value has no known type")),
        };
        input.depth -= 1;
        Ok(value)
    }
}

#[cfg(test)]
mod tests;
