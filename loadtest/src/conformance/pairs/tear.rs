//! Where a stream is torn, and what must come of it.

use super::{
    dialect::Upstream,
    record::{self, Frame},
    said::Said,
};
use crate::conformance::corpus::Case;

/// Every so manyth stream is torn.
const EVERY: u64 = 4;

/// The number of body bytes after which a stream is torn; `None` for those that are not.
pub fn place(case: &Case, frame: Frame) -> Option<usize> {
    let seed = case.id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let length = u64::try_from(case.response.body.len()).ok()?;
    if frame == Frame::Json || seed % EVERY != 0 || length < 2 {
        return None;
    }
    // Never the very end: that would be no tear.
    usize::try_from(1 + (seed >> 8) % (length - 1)).ok()
}

/// What is said by the whole events before the tear.
pub fn before(case: &Case, upstream: Upstream, frame: Frame, place: usize) -> Said {
    let cut = &case.response.body[..place.min(case.response.body.len())];
    record::read(upstream, frame, cut, case.response.status)
}
