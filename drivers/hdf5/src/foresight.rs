//! Guessing where a link leads before its group's heap and name index have arrived.
//!
//! Writers flush the blocks of link heaps last, so that they lie together at the end of a file, which is fetched early. A
//! block says to which heap it belongs. The guess is never believed: it only tells what to fetch along with the heap and
//! the index, by which the link is then found.

use std::borrow::Cow;

use crate::access::Access;
use crate::dataset::Dataset;
use crate::group::{Target, dense_links, lookup};
use crate::object_header::ObjectHeader;

/// Places that a name is believed to lead to, at most.
const MOST_GUESSES: usize = 2;

/// Notes what is on the way of a path from the member `name` of a group on; `ahead` has the names behind it, the next one
/// last.
pub(crate) fn follow(access: &Access<'_>, header: &ObjectHeader, name: &str, ahead: &[Cow<'_, str>]) {
    for address in guesses(access, header, name) {
        let Some((next, rest)) = ahead.split_last() else {
            // Reading it notes its blocks and its chunk index; whether it is a dataset will be seen.
            drop(Dataset::read(access, "", address));
            continue;
        };
        let Ok(header) = ObjectHeader::read_until(access, address, |_| Ok(false)).and_then(|p| p.whole())
        else {
            continue;
        };
        match lookup(access, &header, next) {
            Ok(Some(Target::Hard(_))) | Err(_) => follow(access, &header, next, rest),
            Ok(_) => {}
        }
    }
}

/// Addresses that the link `name` of a group may have, by the blocks of its heap that are here.
fn guesses(access: &Access<'_>, header: &ObjectHeader, name: &str) -> Vec<u64> {
    let Ok(Some((heap, _))) = dense_links(access, header) else { return Vec::new() };
    let Ok(len) = u8::try_from(name.len()) else { return Vec::new() };
    let width = usize::from(access.sizes().offset);
    // A link ends with the length of its name, the name, and the address.
    let mut pattern = vec![len];
    pattern.extend_from_slice(name.as_bytes());
    let mut found = Vec::new();
    for block in access.heap_blocks(heap) {
        let places = block.windows(pattern.len()).enumerate().filter(|(_, window)| *window == &pattern[..]);
        for (place, _) in places {
            let start = place + pattern.len();
            let Some(address) = block.get(start..start + width) else { continue };
            let mut wide = [0; 8];
            wide[..width].copy_from_slice(address);
            found.push(u64::from_le_bytes(wide));
            if found.len() == MOST_GUESSES {
                return found;
            }
        }
    }
    found
}
