//! Runs AWS's own test vectors, which lie outside the project, against the signer and the framer of binary event streams.
//!
//! `FLUXA_AWS_VECTORS=<folder> cargo test -p fluxa-wire --test aws_vectors -- --nocapture`, where the folder holds
//! `sigv4_suite.json`, `sigv4_bedrock_openai_python.json` and `eventstream_vectors.json`. Without the variable nothing is
//! run, and a line says so.

#[cfg(test)]
mod vectors {
    use std::path::PathBuf;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use fluxa_domain::time::Micros;
    use fluxa_wire::frame::event_stream::{EventStream, FrameFault, Message, Value};
    use fluxa_wire::sigv4::{Options, Paths, Request, Signer, amz_date, canonical, canonical_path, canonical_query, sha256_hex};
    use serde_json::Value as Json;

    /// Where the vectors lie.
    const FOLDER: &str = "FLUXA_AWS_VECTORS";

    /// One file of vectors; nothing where no folder is named.
    fn file(name: &str) -> Option<Json> {
        let Some(folder) = std::env::var_os(FOLDER) else {
            println!("{FOLDER} is not set: {name} was not run");
            return None;
        };
        let path = PathBuf::from(folder).join(name);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Some(serde_json::from_str(&text).unwrap())
    }

    fn text<'a>(value: &'a Json, path: &str) -> &'a str {
        value.pointer(path).and_then(Json::as_str).unwrap_or_else(|| panic!("no text at {path} of {value}"))
    }

    fn bytes(value: &Json) -> Vec<u8> {
        STANDARD.decode(value.as_str().unwrap()).unwrap()
    }

    fn at(rfc3339: &str) -> Micros {
        Micros::from_rfc3339(rfc3339).unwrap()
    }

    /// A request as the suite writes it: lines of HTTP with line feeds.
    #[derive(Debug)]
    struct Raw {
        method: String,
        authority: String,
        path: String,
        query: String,
        headers: Vec<(String, String)>,
        body: String,
    }

    impl Raw {
        fn parse(text: &str) -> Self {
            let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
            let mut lines = head.lines();
            let (method, rest) = lines.next().unwrap().split_once(' ').unwrap();
            let target = rest.strip_suffix(" HTTP/1.1").unwrap();
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let mut headers: Vec<(String, String)> = Vec::new();
            let mut authority = String::new();
            for line in lines {
                if line.starts_with(' ') {
                    // A folded line continues the one before.
                    let (_, value) = headers.last_mut().unwrap();
                    value.push('\n');
                    value.push_str(line);
                    continue;
                }
                let (name, value) = line.split_once(':').unwrap();
                match name.to_ascii_lowercase().as_str() {
                    "host" => value.clone_into(&mut authority),
                    // What the signer writes itself.
                    "x-amz-date" | "authorization" | "x-amz-security-token" | "x-amz-content-sha256" => {}
                    _ => headers.push((name.to_owned(), value.to_owned())),
                }
            }
            Self { method: method.into(), authority, path: path.into(), query: query.into(), headers, body: body.into() }
        }

        fn headers(&self) -> Vec<(&str, &str)> {
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
        }
    }

    /// The whole value of the `authorization` header in a signed request of the suite.
    fn authorization(signed: &str) -> &str {
        signed.lines().find_map(|line| line.strip_prefix("Authorization:")).unwrap().trim()
    }

    /// The parts of one case of the suite.
    struct Case<'a> {
        name: &'a str,
        raw: Raw,
        signer: Signer<'a>,
        options: Options,
        moment: Micros,
        expires_seconds: u64,
    }

    fn case(case: &Json) -> Case<'_> {
        let context = &case["context"];
        let signer = Signer {
            access_key_id: text(context, "/credentials/access_key_id"),
            secret_access_key: text(context, "/credentials/secret_access_key"),
            session_token: context.pointer("/credentials/token").and_then(Json::as_str),
            region: text(context, "/region"),
            service: text(context, "/service"),
        };
        let options = Options {
            paths: Paths { normalize: context["normalize"].as_bool().unwrap(), double_encode: true },
            body_header: context["sign_body"].as_bool().unwrap(),
            session_token: !context["omit_session_token"].as_bool().unwrap_or(false),
        };
        Case {
            name: text(case, "/name"),
            raw: Raw::parse(text(case, "/request")),
            signer,
            options,
            moment: at(text(context, "/timestamp")),
            expires_seconds: context["expiration_in_seconds"].as_u64().unwrap(),
        }
    }

    /// Signing by headers: the whole of [`Signer::sign`] and each of its steps.
    fn by_headers(case: &Case<'_>, expect: &Json) {
        let (name, raw) = (case.name, &case.raw);
        let headers = raw.headers();
        let request = Request {
            method: &raw.method,
            authority: &raw.authority,
            path: &raw.path,
            query: &raw.query,
            headers: &headers,
            body: raw.body.as_bytes(),
        };
        let lines = case.signer.sign(&request, case.options, case.moment);
        let value = |wanted: &str| lines.iter().find(|(is, _)| *is == wanted).map(|(_, value)| value.as_str());
        assert_eq!(value("authorization"), Some(authorization(text(expect, "/signed_request"))), "{name}");
        assert_eq!(value("x-amz-security-token"), case.signer.session_token, "{name}");

        let mut all = headers;
        let date = amz_date(case.moment);
        let hash = sha256_hex(raw.body.as_bytes());
        all.extend([("Host", raw.authority.as_str()), ("X-Amz-Date", &date)]);
        if case.options.body_header {
            all.push(("x-amz-content-sha256", &hash));
        }
        all.extend(case.signer.session_token.filter(|_| case.options.session_token).map(|token| ("X-Amz-Security-Token", token)));
        steps(case, expect, &canonical_query(&raw.query), &all, &hash);
    }

    /// Signing by the query, which the product does not do, out of the same steps.
    fn by_query(case: &Case<'_>, expect: &Json) {
        let raw = &case.raw;
        let mut all = raw.headers();
        all.push(("Host", &raw.authority));
        let mut names: Vec<String> = all.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        names.dedup();
        let credential = format!("{}/{}", case.signer.access_key_id, case.signer.scope(case.moment));
        let mut query = format!(
            "{}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={}&X-Amz-Expires={}&X-Amz-SignedHeaders={}",
            raw.query,
            amz_date(case.moment),
            case.expires_seconds,
            names.join(";"),
        );
        if let Some(token) = case.signer.session_token.filter(|_| case.options.session_token) {
            query.push_str("&X-Amz-Security-Token=");
            query.push_str(token);
        }
        steps(case, expect, &canonical_query(&query), &all, &sha256_hex(raw.body.as_bytes()));
    }

    fn steps(case: &Case<'_>, expect: &Json, query: &str, headers: &[(&str, &str)], hash: &str) {
        let name = case.name;
        let path = canonical_path(&case.raw.path, case.options.paths);
        let written = canonical(&case.raw.method, &path, query, headers, hash);
        assert_eq!(written.text, text(expect, "/canonical_request"), "{name}");
        assert_eq!(case.signer.string_to_sign(&written.text, case.moment), text(expect, "/string_to_sign"), "{name}");
        assert_eq!(case.signer.signature(&written.text, case.moment), text(expect, "/signature"), "{name}");
    }

    /// A case of the suite that only shows how a path is written: no credentials.
    fn by_path(case: &Json) {
        let raw = Raw::parse(text(case, "/request"));
        let expect = text(case, "/header/canonical_request");
        let date = expect.lines().find_map(|line| line.strip_prefix("x-amz-date:")).unwrap();
        let mut headers = raw.headers();
        headers.extend([("host", raw.authority.as_str()), ("x-amz-date", date)]);
        let path = canonical_path(&raw.path, Options::default().paths);
        let hash = sha256_hex(raw.body.as_bytes());
        let written = canonical(&raw.method, &path, &canonical_query(&raw.query), &headers, &hash).text;
        assert_eq!(written, expect, "{}", case["name"]);
        if let Some(to_sign) = case.pointer("/header/string_to_sign").and_then(Json::as_str) {
            assert_eq!(to_sign.lines().last(), Some(sha256_hex(written.as_bytes()).as_str()), "{}", case["name"]);
        }
    }

    #[test]
    fn the_signing_suite() {
        let Some(suite) = file("sigv4_suite.json") else { return };
        let (mut requests, mut signatures) = (0, 0);
        for each in suite["cases"].as_array().unwrap() {
            requests += 1;
            if each["context"].is_null() {
                by_path(each);
                continue;
            }
            let read = case(each);
            by_headers(&read, &each["header"]);
            by_query(&read, &each["query"]);
            signatures += 2;
        }
        println!("sigv4_suite: {requests} requests, {signatures} signatures");
        assert!(requests >= 40 && signatures >= 76, "{requests} {signatures}");
    }

    /// One signed call of an SDK.
    struct Sdk<'a> {
        signer: Signer<'a>,
        moment: &'a str,
        method: &'a str,
        url: &'a str,
        headers: Vec<(&'a str, &'a str)>,
        body: Vec<u8>,
    }

    impl Sdk<'_> {
        /// The header lines that are sent, and the hash of the canonical request in them.
        fn sign(&self) -> (Vec<(&'static str, String)>, String) {
            let (authority, path) = self.url.strip_prefix("https://").unwrap().split_once('/').unwrap();
            let path = format!("/{path}");
            let headers: Vec<(&str, &str)> = self.headers.iter().filter(|(name, _)| *name != "host").copied().collect();
            let request = Request { method: self.method, authority, path: &path, query: "", headers: &headers, body: &self.body };
            let options = Options { body_header: true, ..Options::default() };
            let moment = at(self.moment);
            let lines = self.signer.sign(&request, options, moment);
            let mut all = headers;
            all.push(("host", authority));
            all.extend(lines.iter().filter(|(name, _)| *name != "authorization").map(|(name, value)| (*name, value.as_str())));
            let written = canonical(self.method, &canonical_path(&path, options.paths), "", &all, &sha256_hex(&self.body));
            (lines, sha256_hex(written.text.as_bytes()))
        }
    }

    fn line<'a>(lines: &'a [(&'static str, String)], name: &str) -> Option<&'a str> {
        lines.iter().find(|(is, _)| *is == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn calls_of_an_sdk() {
        let Some(vectors) = file("sigv4_bedrock_openai_python.json") else { return };
        let one = &vectors["files"]["bedrock/v1/sigv4.json"];
        let signer = Signer {
            access_key_id: text(one, "/credentials/accessKeyId"),
            secret_access_key: text(one, "/credentials/secretAccessKey"),
            session_token: one.pointer("/credentials/sessionToken").and_then(Json::as_str),
            region: text(one, "/region"),
            service: text(one, "/service"),
        };
        let call = Sdk {
            signer,
            moment: text(one, "/signingDate"),
            method: text(one, "/request/method"),
            url: text(one, "/request/url"),
            headers: vec![("content-type", text(one, "/request/contentType"))],
            body: text(one, "/request/body").as_bytes().to_vec(),
        };
        let (lines, hash) = call.sign();
        assert_eq!(hash, text(one, "/expected/canonicalRequestHash"));
        assert_eq!(line(&lines, "authorization"), Some(text(one, "/expected/authorization")));
        assert_eq!(line(&lines, "x-amz-date"), Some(text(one, "/expected/date")));
        assert_eq!(line(&lines, "x-amz-content-sha256"), Some(text(one, "/expected/payloadHash")));
        let mut signed = 1;
        let cases = vectors["files"]["bedrock_auth/v1/cases.json"]["cases"].as_array().unwrap();
        for case in cases.iter().filter(|case| case["kind"] == "sigv4") {
            let given = &case["given"];
            let call = Sdk {
                signer: Signer {
                    access_key_id: text(given, "/credentials/access_key_id"),
                    secret_access_key: text(given, "/credentials/secret_access_key"),
                    session_token: given.pointer("/credentials/session_token").and_then(Json::as_str),
                    region: text(given, "/signing/region"),
                    service: text(given, "/signing/service"),
                },
                moment: text(given, "/signing/timestamp"),
                method: text(given, "/request/method"),
                url: text(given, "/request/url"),
                headers: given["request"]["headers"].as_object().unwrap().iter().map(|(n, v)| (n.as_str(), v.as_str().unwrap())).collect(),
                body: bytes(&given["request"]["body_base64"]),
            };
            let (lines, hash) = call.sign();
            assert_eq!(hash, text(case, "/expected/canonical_request_sha256"), "{}", case["id"]);
            let expect = case["expected"]["headers"].as_object().unwrap();
            assert_eq!(lines.len(), expect.len(), "{}", case["id"]);
            for (name, value) in expect {
                assert_eq!(line(&lines, name), value.as_str(), "{} {name}", case["id"]);
            }
            signed += 1;
        }
        for case in cases.iter().filter(|case| case["kind"] == "retry_signing") {
            let dates: Vec<String> =
                case["given"]["timestamps"].as_array().unwrap().iter().map(|moment| amz_date(at(moment.as_str().unwrap()))).collect();
            assert_eq!(Json::from(dates), case["expected"]["x_amz_dates"]);
        }
        println!("sigv4_bedrock_openai_python: {signed} signatures");
        assert!(signed >= 3);
    }

    /// Whether a header's value is what the vectors say: plain, `{hex}` or `{type, value}`.
    fn is(value: Value<'_>, expect: &Json) -> bool {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        if let Some(inner) = expect.get("value") {
            let named = match value {
                Value::Bool(_) => "boolean",
                Value::Byte(_) => "byte",
                Value::Short(_) => "short",
                Value::Integer(_) => "integer",
                Value::Long(_) => "long",
                Value::Bytes(_) => "binary",
                Value::Text(_) => "string",
                Value::TimestampMs(_) => "timestamp",
                Value::Uuid(_) => "uuid",
            };
            return expect["type"] == named && is(value, inner);
        }
        let wanted = expect.get("hex").unwrap_or(expect);
        match value {
            Value::Bool(is) => *wanted == is,
            Value::Byte(is) => *wanted == is,
            Value::Short(is) => *wanted == is,
            Value::Integer(is) => *wanted == is,
            Value::Long(is) | Value::TimestampMs(is) => *wanted == is,
            Value::Bytes(is) => *wanted == hex(is),
            Value::Text(is) => *wanted == is,
            Value::Uuid(is) => wanted.as_str().is_some_and(|text| text.replace('-', "") == hex(&is)),
        }
    }

    fn encoded(vector: &Json) -> Vec<u8> {
        let Some(parts) = vector["encoded_parts"].as_array() else { return bytes(&vector["encoded_base64"]) };
        let part = |part: &Json| match part.get("base64") {
            Some(text) => bytes(text),
            None => vec![
                u8::try_from(part["repeat_byte"].as_u64().unwrap()).unwrap();
                usize::try_from(part["count"].as_u64().unwrap()).unwrap()
            ],
        };
        parts.iter().flat_map(part).collect()
    }

    /// Reads a stream in pieces of `size`; the number of frames, and whether it ended between frames.
    fn read(stream: &[u8], size: usize, mut on: impl FnMut(Message<'_>)) -> Result<(usize, bool), FrameFault> {
        let mut framer = EventStream::new();
        let mut frames = 0;
        for piece in stream.chunks(size) {
            framer.push(piece, |message| {
                frames += 1;
                on(message);
            })?;
        }
        Ok((frames, framer.at_boundary()))
    }

    #[test]
    fn frames_of_three_sdks() {
        let Some(vectors) = file("eventstream_vectors.json") else { return };
        let (mut decoded, mut refused) = (0, 0);
        for vector in vectors["vectors"].as_array().unwrap() {
            let (name, stream) = (text(vector, "/name"), encoded(vector));
            for size in [stream.len(), 1, 7] {
                if vector["expect"] == "error" {
                    assert!(read(&stream, size, |_| panic!("{name} was told")).is_err(), "{name}");
                    continue;
                }
                let expect = vector["headers"].as_object().unwrap();
                let payload = bytes(&vector["payload_base64"]);
                let end = read(&stream, size, |message| {
                    assert_eq!(message.payload, payload, "{name}");
                    assert_eq!(message.headers().count(), expect.len(), "{name}");
                    for header in message.headers() {
                        let wanted = expect.get(header.name).unwrap_or_else(|| panic!("{name}: {} is not expected", header.name));
                        assert!(is(header.value, wanted), "{name}: {header:?} is not {wanted}");
                    }
                });
                assert_eq!(end, Ok((1, true)), "{name}");
            }
            *(if vector["expect"] == "error" { &mut refused } else { &mut decoded }) += 1;
        }
        println!("eventstream_vectors: {decoded} decoded, {refused} refused");
        assert!(decoded >= 17 && refused >= 19, "{decoded} {refused}");
    }
}
