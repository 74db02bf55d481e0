use super::*;

const ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
const SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const HOST: &str = "bedrock-runtime.us-east-1.amazonaws.com";
/// 2026-01-02T03:04:05Z.
const AT: Micros = Micros(1_767_323_045 * Micros::PER_SECOND);
const BODY: &[u8] = br#"{"messages":[]}"#;

fn signer(session_token: Option<&'static str>) -> Signer<'static> {
    Signer { access_key_id: ACCESS_KEY_ID, secret_access_key: SECRET_ACCESS_KEY, session_token, region: "us-east-1", service: "bedrock" }
}

fn request(path: &str) -> Request<'_> {
    Request { method: "POST", authority: HOST, path, query: "", headers: &[("content-type", "application/json")], body: BODY }
}

fn line<'a>(lines: &'a [(&'static str, String)], name: &str) -> Option<&'a str> {
    lines.iter().find(|(is, _)| *is == name).map(|(_, value)| value.as_str())
}

#[test]
fn moments_are_written_as_aws_does() {
    assert_eq!(amz_date(AT), "20260102T030405Z");
    assert_eq!(amz_date(Micros(AT.0 + 999_999)), "20260102T030405Z");
    assert_eq!(amz_date(Micros(0)), "19700101T000000Z");
    assert_eq!(signer(None).scope(AT), "20260102/us-east-1/bedrock/aws4_request");
}

/// Path, session token, canonical path, hash of the canonical request, signature: as another signer computes them.
const GOLDEN: [(&str, Option<&str>, &str, &str, &str); 3] = [
    (
        "/model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/converse",
        None,
        "/model/anthropic.claude-3-5-sonnet-20240620-v1%253A0/converse",
        "88d071de60610091adc4bea16bf6e8e3804226379dc0958c3c5a5f09654380b1",
        "0e77d6bf086533596de092c06c18106ace5bb0ab5bb9c239f1e04126db9086b0",
    ),
    (
        "/model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/converse-stream",
        Some("SESSION/TOKEN+EXAMPLE=="),
        "/model/anthropic.claude-3-5-sonnet-20240620-v1%253A0/converse-stream",
        "24b7563d6e4a2278ce0b52647391da7a2617ee195c5ad7f9cb1f03ec08579800",
        "b24b15bc624100289ee021e6ef2dd7ea011c7194f156317fe7c8b6d6fec2534b",
    ),
    (
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc123/converse",
        None,
        "/model/arn%253Aaws%253Abedrock%253Aus-east-1%253A123456789012%253Aapplication-inference-profile%252Fabc123/converse",
        "936585254923693da13f7160af8c1f15185e106c30516e45f44b3d21cfb0a411",
        "96f3ce92a91a28041d47394ed28a66b81cda801188399ec78e1f2560e9eca8bb",
    ),
];

#[test]
fn calls_are_signed_as_another_signer_signs_them() {
    assert_eq!(sha256_hex(BODY), "5e4ce7b36ba37b78a5d5f9fd08e6b7b54ba6879d651aa46ec9e1d6fa24ebe30a");
    for (path, token, in_text, hash, signature) in GOLDEN {
        let signer = signer(token);
        assert_eq!(canonical_path(path, Options::default().paths), in_text);
        let mut headers = vec![("Content-Type", "application/json"), ("host", HOST), ("X-Amz-Date", "20260102T030405Z")];
        headers.extend(token.map(|token| ("X-Amz-Security-Token", token)));
        let canonical = canonical("POST", in_text, "", &headers, &sha256_hex(BODY));
        assert_eq!(sha256_hex(canonical.text.as_bytes()), hash, "{}", canonical.text);
        assert_eq!(signer.signature(&canonical.text, AT), signature);
        let lines = signer.sign(&request(path), Options::default(), AT);
        let names = if token.is_some() { "content-type;host;x-amz-date;x-amz-security-token" } else { "content-type;host;x-amz-date" };
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/bedrock/aws4_request, SignedHeaders={names}, Signature={signature}"
        );
        assert_eq!(line(&lines, "authorization"), Some(authorization.as_str()));
        assert_eq!(line(&lines, "x-amz-date"), Some("20260102T030405Z"));
        assert_eq!(line(&lines, "x-amz-security-token"), token);
        assert_eq!(lines.len(), 2 + usize::from(token.is_some()));
    }
}

#[test]
fn a_label_is_encoded_once_for_the_wire_and_twice_in_the_text() {
    let (path, _, in_text, _, _) = GOLDEN[2];
    let model = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123";
    let wire = format!("/model/{}/converse", encode_label(model));
    assert_eq!((wire.as_str(), canonical_path(&wire, Options::default().paths).as_str()), (path, in_text));
}

#[test]
fn options_add_and_leave_out_headers() {
    let signed = |options: Options| {
        let lines = signer(Some("TOKEN")).sign(&request("/x"), options, AT);
        let authorization = line(&lines, "authorization").unwrap().to_owned();
        let names = authorization.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap().to_owned();
        (names, lines.into_iter().map(|(name, _)| name).collect::<Vec<_>>())
    };
    let (names, lines) = signed(Options { body_header: true, ..Options::default() });
    assert_eq!(names, "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token");
    assert_eq!(lines, ["x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "authorization"]);
    let (names, lines) = signed(Options { session_token: false, ..Options::default() });
    assert_eq!(names, "content-type;host;x-amz-date");
    assert_eq!(lines, ["x-amz-date", "x-amz-security-token", "authorization"]);
}

#[test]
fn every_part_of_a_request_is_under_the_signature() {
    let base = request("/x");
    let sign = |signer: Signer<'_>, request: &Request<'_>, at: Micros| {
        let lines = signer.sign(request, Options::default(), at);
        line(&lines, "authorization").unwrap().rsplit('=').next().unwrap().to_owned()
    };
    let mut seen = vec![sign(signer(None), &base, AT)];
    for other in [
        Request { method: "GET", ..base },
        Request { authority: "other.example.com", ..base },
        Request { path: "/y", ..base },
        Request { query: "a=1", ..base },
        Request { headers: &[("content-type", "text/plain")], ..base },
        Request { headers: &[], ..base },
        Request { body: b"{}", ..base },
    ] {
        seen.push(sign(signer(None), &other, AT));
    }
    for other in [
        Signer { secret_access_key: "other", ..signer(None) },
        Signer { session_token: Some("t"), ..signer(None) },
        Signer { region: "eu-west-1", ..signer(None) },
        Signer { service: "sts", ..signer(None) },
    ] {
        seen.push(sign(other, &base, AT));
    }
    seen.push(sign(signer(None), &base, AT.plus_seconds(1)));
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
}

#[test]
fn a_signer_shows_no_secret() {
    let shown = format!("{:?}", signer(Some("SESSION-TOKEN")));
    assert!(!shown.contains(SECRET_ACCESS_KEY) && !shown.contains("SESSION-TOKEN"), "{shown}");
}
