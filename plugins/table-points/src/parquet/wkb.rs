//! Points in well-known binary (OGC 06-103r4, 8.2; with the type codes of ISO SQL/MM and the flags of PostGIS).

use zagg_core::{Error, Result};

/// Longitude and latitude of a point. An empty point is NaN, which is no position.
pub(super) fn point(bytes: &[u8]) -> Result<[f64; 2]> {
    let short = || Error::corrupt("a point in well-known binary is too short");
    let (&order, rest) = bytes.split_first().ok_or_else(short)?;
    let little = match order {
        0 => false,
        1 => true,
        other => return Err(Error::corrupt(format!("well-known binary has no byte order {other}"))),
    };
    let (code, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
    let code = if little { u32::from_le_bytes(*code) } else { u32::from_be_bytes(*code) };
    // Flags for Z, M and an SRID; thousands stand for Z and M in the other dialect.
    if (code & 0x0fff_ffff) % 1000 != 1 {
        return Err(Error::unsupported(format!(
            "the geometry has shapes of type {code}; only points are read"
        )));
    }
    let rest = if code & 0x2000_0000 != 0 { rest.get(4..).ok_or_else(short)? } else { rest };
    let number = |at: usize| -> Result<f64> {
        let bytes: [u8; 8] =
            rest.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).ok_or_else(short)?;
        Ok(if little { f64::from_le_bytes(bytes) } else { f64::from_be_bytes(bytes) })
    };
    Ok([number(0)?, number(8)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wkb(little: bool, code: u32, numbers: &[f64]) -> Vec<u8> {
        let mut bytes = vec![u8::from(little)];
        bytes.extend(if little { code.to_le_bytes() } else { code.to_be_bytes() });
        for x in numbers {
            bytes.extend(if little { x.to_le_bytes() } else { x.to_be_bytes() });
        }
        bytes
    }

    #[test]
    fn points_of_every_dialect_are_read_and_other_shapes_refused() {
        for (little, code, numbers) in [
            (true, 1, vec![7.5, -80.25]),
            (false, 1, vec![7.5, -80.25]),
            (true, 1001, vec![7.5, -80.25, 9.0]),
            (true, 0x8000_0001, vec![7.5, -80.25, 9.0]),
        ] {
            assert_eq!(point(&wkb(little, code, &numbers)), Ok([7.5, -80.25]), "{code}");
        }
        let mut with_srid = wkb(true, 0x2000_0001, &[7.5, -80.25]);
        with_srid.splice(5..5, 4326_u32.to_le_bytes());
        assert_eq!(point(&with_srid), Ok([7.5, -80.25]));
        assert!(point(&wkb(true, 2, &[1.0, 2.0])).unwrap_err().message().contains("only points"));
        for end in 0..21 {
            assert!(point(&wkb(true, 1, &[1.0, 2.0])[..end]).is_err());
        }
    }
}
