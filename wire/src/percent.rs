//! Percent-encoding of addresses, as signatures want it too: only `A-Z a-z 0-9 - . _ ~` stay, hex digits are upper case.

/// Encodes one label of a path for the wire, so that nothing in it is taken for structure: `:` becomes `%3A`, and `/`, as
/// in the ARN of an inference profile, becomes `%2F`.
#[must_use]
pub fn encode_label(label: &str) -> String {
    encode(label.as_bytes(), "")
}

/// Encodes everything but unreserved characters (RFC 3986 §2.3) and those of `keep`.
pub(crate) fn encode(bytes: &[u8], keep: &str) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase();
    let mut out = String::with_capacity(bytes.len() + 16);
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || keep.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
}

/// Undoes percent-encoding; what is none stays as it is. A plus sign is a plus sign.
pub(crate) fn decode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let byte = match after {
            [high, low, ..] if *first == b'%' => nibble(*high).zip(nibble(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    out
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_hold_no_structure() {
        let check = |label: &str, expect: &str| {
            assert_eq!(encode_label(label), expect);
            assert_eq!(decode(expect), label.as_bytes());
        };
        check("us.example.model-v1:0", "us.example.model-v1%3A0");
        check(
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc123",
        );
        check("a b?c#d%/é~", "a%20b%3Fc%23d%25%2F%C3%A9~");
        check("\r\nx: y", "%0D%0Ax%3A%20y");
        check("", "");
    }

    #[test]
    fn what_is_no_encoding_stays() {
        let check = |text: &str, expect: &str| assert_eq!(decode(text), expect.as_bytes());
        check("a+b", "a+b");
        check("100%", "100%");
        check("%4", "%4");
        check("%zz%41", "%zzA");
        check("%%41", "%A");
    }
}
