//! The canonical request: one spelling of a request, so that both sides sign the same text.
//!
//! ```text
//! METHOD \n path \n query \n name:value\n … \n names;of;headers \n hex(sha256(body))
//! ```

use crate::percent::{decode, encode};

/// How a path is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Take out empty and `.` segments, and `..` with what it undoes (RFC 3986 §5.2.4).
    pub normalize: bool,
    /// Encode the path once more than it goes out: `%3A` becomes `%253A`. All services but S3 do.
    pub double_encode: bool,
}

/// A request in its one spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canonical {
    /// The whole text.
    pub text: String,
    /// The names of the headers in it: lower case, sorted, with semicolons.
    pub signed_headers: String,
}

/// Writes the canonical request. `path` and `query` are canonical already; `headers` come in any order and case.
#[must_use]
pub fn canonical(method: &str, path: &str, query: &str, headers: &[(&str, &str)], body_hash: &str) -> Canonical {
    let mut lines: Vec<(String, String)> =
        headers.iter().map(|(name, value)| (name.trim().to_ascii_lowercase(), one_line(value))).collect();
    // Stable: several values of one header stay in their order.
    lines.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut names: Vec<&str> = Vec::with_capacity(lines.len());
    let mut text = format!("{method}\n{path}\n{query}\n");
    for (name, value) in &lines {
        if names.last() == Some(&name.as_str()) {
            // Several headers of one name are one, with commas.
            text.push(',');
        } else {
            if !names.is_empty() {
                text.push('\n');
            }
            text.extend([name, ":"]);
            names.push(name);
        }
        text.push_str(value);
    }
    let signed_headers = names.join(";");
    text.extend(["\n\n", signed_headers.as_str(), "\n", body_hash]);
    Canonical { text, signed_headers }
}

/// The path of a canonical request, from the path that goes out.
#[must_use]
pub fn canonical_path(path: &str, how: Paths) -> String {
    let path = if path.is_empty() { "/" } else { path };
    let path = if how.normalize { normalized(path) } else { path.to_owned() };
    if how.double_encode { encode(path.as_bytes(), "/") } else { path }
}

/// The query of a canonical request, from the query that goes out: every name and value encoded in one way, then sorted.
#[must_use]
pub fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encode(&decode(name), ""), encode(&decode(value), ""))
        })
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// A header's value without blanks around it, and with single blanks in it.
fn one_line(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn normalized(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    // A path that names a folder still does.
    let folder = !kept.is_empty() && (path.ends_with('/') || path.ends_with("/.") || path.ends_with("/.."));
    format!("/{}{}", kept.join("/"), if folder { "/" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_each_way() {
        let check = |path: &str, normalize: bool, double_encode: bool, expect: &str| {
            assert_eq!(canonical_path(path, Paths { normalize, double_encode }), expect, "{path:?}");
        };
        check("", true, true, "/");
        check("/model/a%3A0/converse", true, true, "/model/a%253A0/converse");
        check("/model/a%3A0/converse", true, false, "/model/a%3A0/converse");
        check("/model/a:0/converse", true, true, "/model/a%3A0/converse");
        check("/a~b_c-d.e/", true, true, "/a~b_c-d.e/");
        check("/a//b/./c/../d/", true, true, "/a/b/d/");
        check("/a//b/./c/../d/", false, true, "/a//b/./c/../d/");
        check("/a/b/..", true, true, "/a/");
        check("/a/.", true, true, "/a/");
        check("/..", true, true, "/");
        check("//", true, true, "/");
        check("/\u{e9} x", true, true, "/%C3%A9%20x");
    }

    #[test]
    fn queries_are_sorted_and_encoded_in_one_way() {
        let check = |query: &str, expect: &str| assert_eq!(canonical_query(query), expect, "{query:?}");
        check("", "");
        check("b=2&a=1", "a=1&b=2");
        check("a=2&a=1", "a=1&a=2");
        check("a&b=", "a=&b=");
        check("&a=1&&", "a=1");
        check("x=a%2fb", "x=a%2Fb");
        check("x=a/b+c=d", "x=a%2Fb%2Bc%3Dd");
        check("%61=1", "a=1");
        // By the encoded text, not by what it stands for.
        check("a-=1&a=2&\u{e9}=3", "%C3%A9=3&a=2&a-=1");
    }

    #[test]
    fn headers_are_trimmed_joined_and_sorted() {
        let written = canonical("GET", "/", "", &[("X-B", " 2 "), ("Host", "h"), ("x-b", "a   b\t\n c"), ("X-A", "")], "hash");
        assert_eq!(written.text, "GET\n/\n\nhost:h\nx-a:\nx-b:2,a b c\n\nhost;x-a;x-b\nhash");
        assert_eq!(written.signed_headers, "host;x-a;x-b");
    }
}
