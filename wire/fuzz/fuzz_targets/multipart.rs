//! An outlined form keeps its model's place.
#![no_main]

use bytes::Bytes;
use fluxa_wire::body::edit::{apply, set_model};
use fluxa_wire::body::multipart::outline;
use libfuzzer_sys::fuzz_target;

const TYPE: &str = "multipart/form-data; boundary=b";

fuzz_target!(|body: &[u8]| {
    let Ok(found) = outline(TYPE, body) else { return };
    let Some(edit) = set_model(&found, "m") else { return };
    let edited = apply(&Bytes::copy_from_slice(body), vec![edit]).unwrap();
    assert_eq!(outline(TYPE, &edited).unwrap().model_name(), Some("m"));
});
