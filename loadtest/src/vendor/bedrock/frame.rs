//! Frames of Amazon's binary event stream, written only.

/// The type of a body of frames.
pub(in crate::vendor) const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// Type of a header whose value is text.
const STRING: u8 = 7;

/// The two lengths and their checksum before the headers, and the checksum behind the payload.
const AROUND: usize = 16;

/// An event with a JSON payload.
pub(in crate::vendor) fn event(kind: &str, payload: &str) -> Vec<u8> {
    frame(&[(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")], payload.as_bytes())
}

/// What ends a stream early.
pub(in crate::vendor) fn exception(kind: &str, payload: &str) -> Vec<u8> {
    frame(&[(":exception-type", kind), (":content-type", "application/json"), (":message-type", "exception")], payload.as_bytes())
}

fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut head = Vec::new();
    for (name, value) in headers {
        // Names and values here are short constants: they fit their lengths.
        head.push(name.len() as u8);
        head.extend_from_slice(name.as_bytes());
        head.push(STRING);
        head.extend_from_slice(&(value.len() as u16).to_be_bytes());
        head.extend_from_slice(value.as_bytes());
    }
    let total = AROUND + head.len() + payload.len();
    let mut bytes = Vec::with_capacity(total);
    bytes.extend_from_slice(&(total as u32).to_be_bytes());
    bytes.extend_from_slice(&(head.len() as u32).to_be_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    bytes.extend_from_slice(&head);
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Frames that botocore's decoder reads so.
    #[test]
    fn frames_are_those_of_the_vendor() {
        assert_eq!(
            hex(&event("messageStart", r#"{"p":"ab","role":"assistant"}"#)),
            "0000007f000000529bc598af0b3a6576656e742d7479706507000c6d65737361676553746172740d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b2270223a226162222c22726f6c65223a22617373697374616e74227d362c6c18"
        );
        assert_eq!(
            hex(&exception("throttlingException", r#"{"message":"Too many requests"}"#)),
            "00000090000000618e91a9b70f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657074696f6e0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070009657863657074696f6e7b226d657373616765223a22546f6f206d616e79207265717565737473227de67f8005"
        );
        assert_eq!(hex(&frame(&[], b"")), "000000100000000005c248eb7d98c8ff");
    }
}
