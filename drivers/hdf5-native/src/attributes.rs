//! Attributes of groups and datasets.

use hdf5_metno::types::{TypeDescriptor, VarLenAscii, VarLenUnicode};
use hdf5_metno::{Attribute as NativeAttribute, Location};
use zagg_core::Result;
use zagg_hdf5::{Attribute, AttributeValue};

use crate::failure;
use crate::read::{self, Part};
use crate::types;

/// All attributes of an object, sorted by name.
pub(crate) fn all(object: &Location) -> Result<Vec<Attribute>> {
    let failed = |error: hdf5_metno::Error| failure::error(&error, "its attributes");
    let mut attributes = Vec::new();
    for name in object.attr_names().map_err(failed)? {
        let native = object.attr(&name).map_err(failed)?;
        attributes.push(Attribute { value: value(&native)?, name });
    }
    attributes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(attributes)
}

fn value(native: &NativeAttribute) -> Result<AttributeValue> {
    let failed = |error: hdf5_metno::Error| failure::error(&error, "an attribute");
    let datatype = native.dtype().map_err(failed)?;
    let ours = types::datatype(&datatype);
    let undecoded = || Ok(AttributeValue::Undecoded(ours.to_string()));
    if native.space().map_err(failed)?.is_null() {
        return Ok(AttributeValue::Undecoded("no value".to_owned()));
    }
    if let Some(number) = types::number(&ours) {
        let values = read::numbers(native, &Part::Whole, number)?;
        let shape = native.shape().iter().map(|&len| len as u64).collect();
        return Ok(AttributeValue::Numbers { values, shape });
    }
    let Ok(descriptor) = datatype.to_descriptor() else { return undecoded() };
    match &descriptor {
        TypeDescriptor::FixedAscii(_) | TypeDescriptor::FixedUnicode(_) => {
            read::strings(native, &Part::Whole, &descriptor).map(AttributeValue::Strings)
        }
        TypeDescriptor::VarLenAscii => {
            let texts = native.read_raw::<VarLenAscii>().map_err(failed)?;
            Ok(AttributeValue::Strings(texts.iter().map(|text| lossy(text.as_bytes())).collect()))
        }
        TypeDescriptor::VarLenUnicode => {
            let texts = native.read_raw::<VarLenUnicode>().map_err(failed)?;
            Ok(AttributeValue::Strings(texts.iter().map(|text| lossy(text.as_bytes())).collect()))
        }
        _ => undecoded(),
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
