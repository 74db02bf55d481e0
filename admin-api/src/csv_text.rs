//! CSV as RFC 4180 has it, safe to open in a spreadsheet: text that would run as a formula is quoted.

use crate::problem::Problem;

/// A cell: text that came from outside, or a value of ours.
pub(crate) enum Cell {
    /// Text that a client or an administrator chose.
    Text(String),
    /// A number, a moment, a word of ours.
    Plain(String),
}

/// Writes rows; each ends with CRLF.
pub(crate) fn rows(rows: impl Iterator<Item = Vec<Cell>>) -> Result<Vec<u8>, Problem> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        for cell in &row {
            writer.write_field(cell.written().as_bytes()).map_err(|e| Problem::internal(&e))?;
        }
        writer.write_record(None::<&[u8]>).map_err(|e| Problem::internal(&e))?;
    }
    writer.into_inner().map_err(|e| Problem::internal(&e))
}

impl Cell {
    /// A leading `'` makes spreadsheets show what they would otherwise calculate.
    fn written(&self) -> std::borrow::Cow<'_, str> {
        match self {
            Self::Text(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) => format!("'{text}").into(),
            Self::Text(text) | Self::Plain(text) => text.as_str().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        let check = |text: &str, expect: &str| {
            let written = rows(std::iter::once(vec![Cell::Text(text.to_owned()), Cell::Plain(String::from("-1"))])).unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), format!("{expect},-1\r\n"), "{text:?}");
        };
        check("plain", "plain");
        check("a,b", "\"a,b\"");
        check("say \"hi\"", "\"say \"\"hi\"\"\"");
        check("two\nlines", "\"two\nlines\"");
        check("=HYPERLINK(1)", "'=HYPERLINK(1)");
        check("+1", "'+1");
        check("-1", "'-1");
        check("@x", "'@x");
        check("\tx", "'\tx");
    }
}
