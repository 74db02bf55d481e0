//! Just enough XML for the answers of STS: the text of an element inside another. No entities of documents, no namespaces
//! beyond skipping their prefix, nothing fetched.

/// Elements inside each other; STS nests four.
const MAX_DEPTH: usize = 32;

/// The text of the first `name` that lies directly in a `parent`; nothing where there is none or the text is no XML up to there.
pub(super) fn text_in(xml: &str, parent: &str, name: &str) -> Option<String> {
    let mut rest = xml.trim_start_matches('\u{feff}');
    let mut open: Vec<&str> = Vec::new();
    let mut text = String::new();
    while let Some((before, after)) = rest.split_once('<') {
        unescape(before, &mut text)?;
        if let Some(after) = after.strip_prefix("!--") {
            (_, rest) = after.split_once("-->")?;
            continue;
        }
        if let Some(after) = after.strip_prefix("![CDATA[") {
            let (data, after) = after.split_once("]]>")?;
            text.push_str(data);
            rest = after;
            continue;
        }
        let (tag, after) = after.split_once('>')?;
        rest = after;
        if tag.starts_with(['?', '!']) {
            continue;
        }
        if let Some(closed) = tag.strip_prefix('/') {
            let closed = local(closed);
            if open.pop() != Some(closed) {
                return None;
            }
            if closed == name && open.last() == Some(&parent) {
                return Some(text.trim().to_owned());
            }
        } else if !tag.ends_with('/') {
            if open.len() == MAX_DEPTH {
                return None;
            }
            open.push(local(tag));
        }
        text.clear();
    }
    None
}

/// The name in a tag, without attributes and prefix.
fn local(tag: &str) -> &str {
    let name = tag.split_ascii_whitespace().next().unwrap_or_default();
    name.rsplit(':').next().unwrap_or(name)
}

/// Appends `raw` with its five named and its numbered entities resolved.
fn unescape(raw: &str, out: &mut String) -> Option<()> {
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (entity, after) = after.split_once(';')?;
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let number = entity.strip_prefix('#')?;
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                char::from_u32(code.ok()?)?
            }
        });
        rest = after;
    }
    out.push_str(rest);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_where_they_lie() {
        let check = |xml: &str, expect: Option<&str>| assert_eq!(text_in(xml, "p", "n").as_deref(), expect, "{xml}");
        check("<p><n>x</n></p>", Some("x"));
        check("<?xml version=\"1.0\"?>\n<!-- <p><n>no</n></p> --><r xmlns=\"u\"><p a='1'>\n <n b=\"2\"> x \n</n></p></r>", Some("x"));
        check("<a:p xmlns:a=\"u\"><a:n>x</a:n></a:p>", Some("x"));
        check("<n>outside</n><p><q><n>deeper</n></q><n>x</n></p>", Some("x"));
        check("<p><e/><n>a&amp;b&lt;&#65;&#x42;</n></p>", Some("a&b<AB"));
        check("<p><n><![CDATA[a<b&c]]></n></p>", Some("a<b&c"));
        check("<p><n></n></p>", Some(""));
        check("<p><n>x</p></n>", None);
        check("<p><n>x", None);
        check("<p><n>&unknown;</n></p>", None);
        check("<p><n>&amp</n></p>", None);
        check("<p><!-- ", None);
        check("{\"p\":{\"n\":1}}", None);
        check("", None);
        check(&"<a>".repeat(100), None);
    }
}
