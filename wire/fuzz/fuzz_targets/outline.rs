//! An outlined body stays sound when it is edited.
#![no_main]

use bytes::Bytes;
use fluxa_wire::body::edit::{apply, ask_usage, drop_stream_options, set_max, set_model};
use fluxa_wire::body::fields::MaxField;
use fluxa_wire::body::outline::outline;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Ok(found) = outline(body) else { return };
    let bytes = Bytes::copy_from_slice(body);
    let edits = [set_model(&found, "m"), ask_usage(&found), set_max(&found, MaxField::Tokens, 7)];
    let edited = apply(&bytes, edits.into_iter().flatten().collect()).unwrap();
    let again = outline(&edited).unwrap();
    assert_eq!(again.model_name(), Some("m"));
    assert!(again.wants_usage());
    let dropped = apply(&bytes, drop_stream_options(&found).into_iter().collect()).unwrap();
    assert!(outline(&dropped).unwrap().stream_options.is_none());
});
