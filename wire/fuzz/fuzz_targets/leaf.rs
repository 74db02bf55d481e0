//! Any body shows its texts or is refused; kept, it is the same; changed, it is JSON (or a form) again.
#![no_main]

use fluxa_wire::leaf::{Edited, Fate, form, json, lines, text};
use libfuzzer_sys::fuzz_target;

const TYPE: &str = "multipart/form-data; boundary=b";

fuzz_target!(|input: (String, &[u8])| {
    let (with, body) = input;
    let kept = json(body, &mut |_| Fate::Keep);
    let sound = serde_json::from_slice::<serde_json::Value>(body);
    // A number beyond the range of floats is sound JSON that serde does not hold.
    let range = sound.as_ref().is_err_and(|fault| fault.to_string().contains("out of range"));
    let deep = body.iter().filter(|b| matches!(b, b'[' | b'{')).count() > 64;
    if !deep {
        assert!(range || kept.is_ok() == sound.is_ok(), "{kept:?} {sound:?}");
    }
    if let Ok(kept) = &kept {
        assert_eq!(*kept, Edited::Same);
        if let Ok(Edited::Changed(changed)) = json(body, &mut |_| Fate::Replace(with.clone())) {
            assert_eq!(json(&changed, &mut |_| Fate::Keep), Ok(Edited::Same));
        }
    }
    if let Ok(Edited::Changed(changed)) = form(TYPE, body, &mut |_| Fate::Replace(with.clone())) {
        assert_eq!(form(TYPE, &changed, &mut |_| Fate::Keep), Ok(Edited::Same));
    }
    if let Ok(edited) = lines(body, &mut |_| Fate::Keep) {
        assert_eq!(edited, Edited::Same);
    }
    let _ = lines(body, &mut |_| Fate::Replace(with.clone()));
    let _ = text(body, &mut |_| Fate::Replace(with.clone()));
});
