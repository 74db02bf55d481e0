//! `${VAR}` and `${VAR:-default}` inside values.
//!
//! Expansion happens after parsing, so that a value can never change the structure of the file. But
//! `{ key: ${VAR} }` is not YAML as it stands, because braces end a plain scalar in a flow mapping. So [`shield`]
//! first turns every reference into characters that mean nothing to YAML, one for one, which keeps all
//! columns; [`unshield`] turns them back in the parsed scalars, and [`expand`] puts the values in.

/// First of the private code points (plane 15) that stand for shielded characters.
const SHIELD: u32 = 0xF_0000;
/// Shielded characters come from the basic plane below its two noncharacters.
const SHIELD_LAST: u32 = 0xF_FFFD;

/// Replaces each `${…}` by as many private characters; everything else stays.
#[must_use]
pub fn shield(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        match reference_len(from) {
            Some(len) => {
                let (reference, after) = from.split_at(len);
                out.extend(reference.chars().map(shielded));
                rest = after;
            }
            None => {
                out.push_str("${");
                rest = from.get(2..).unwrap_or("");
            }
        }
    }
    out.push_str(rest);
    out
}

/// Turns shielded characters back.
#[must_use]
pub fn unshield(text: &str) -> String {
    text.chars().map(|c| if is_shielded(c) { char::from_u32(u32::from(c) - SHIELD).unwrap_or(c) } else { c }).collect()
}

/// Whether `c` is one of the private characters that [`shield`] uses.
#[must_use]
pub fn is_shielded(c: char) -> bool {
    (SHIELD..=SHIELD_LAST).contains(&u32::from(c))
}

fn shielded(c: char) -> char {
    match u32::from(c) {
        code if code <= SHIELD_LAST - SHIELD => char::from_u32(SHIELD + code).unwrap_or(c),
        _ => c,
    }
}

/// Bytes of the reference that `text` begins with; it must end on its own line.
fn reference_len(text: &str) -> Option<usize> {
    let end = text.find(['}', '\n'])?;
    text.get(end..)?.starts_with('}').then_some(end + 1)
}

/// Puts the values in. `$${` stands for a literal `${`; values are not expanded again.
///
/// # Errors
/// A sentence that names the variable.
pub fn expand(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(literal) = before.strip_suffix('$') {
            out.push_str(literal);
            out.push_str("${");
            rest = from.get(2..).unwrap_or("");
            continue;
        }
        out.push_str(before);
        let len = reference_len(from).ok_or_else(|| String::from("\"${\" without \"}\"; write \"$${\" for a literal \"${\""))?;
        let inner = from.get(2..len - 1).unwrap_or("");
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        if !is_name(name) {
            return Err(format!("\"${{{name}}}\" is no variable name; write \"$${{\" for a literal \"${{\""));
        }
        match (env(name), default) {
            (Some(value), None) => out.push_str(&value),
            (Some(value), Some(_)) if !value.is_empty() => out.push_str(&value),
            (_, Some(default)) => out.push_str(default),
            (None, None) => {
                return Err(format!("variable {name} is not set; set it, or give a default: ${{{name}:-value}}"));
            }
        }
        rest = from.get(len..).unwrap_or("");
    }
    out.push_str(rest);
    Ok(out)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "A" => Some(String::from("one")),
            "TRICK" => Some(String::from("x: y\n- ${A}")),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn references_are_expanded_once() {
        let check = |text: &str, expect: &str| assert_eq!(expand(text, &env).as_deref(), Ok(expect), "{text}");
        check("plain $ text", "plain $ text");
        check("${A}", "one");
        check("<${A}-${A}>", "<one-one>");
        check("${NO:-8080}", "8080");
        check("${NO:-}", "");
        check("${EMPTY}", "");
        check("${EMPTY:-two}", "two");
        check("$${A}", "${A}");
        check("${TRICK}", "x: y\n- ${A}");
        check("${NO:-a:-b}", "a:-b");
    }

    #[test]
    fn mistakes_name_the_variable() {
        let check = |text: &str, expect: &str| assert!(expand(text, &env).unwrap_err().contains(expect), "{text}");
        check("${NO}", "variable NO is not set");
        check("${}", "no variable name");
        check("${1A}", "no variable name");
        check("${A", "without \"}\"");
    }

    #[test]
    fn a_shield_keeps_every_column() {
        let text = "{ a: ${A}, b: '${B:-{x}' } # ${C}\n${open\n";
        let shielded = shield(text);
        assert_eq!(shielded.chars().count(), text.chars().count());
        assert!(!shielded.contains("${A}"));
        assert_eq!(unshield(&shielded), text);
    }
}
