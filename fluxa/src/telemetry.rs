//! Logs: one subscriber for the process, and the writer of request lines.
//!
//! What is never logged, at any level: prompts, answers, keys, header values. Control characters of user strings are
//! escaped, so that nobody can forge a line or move the cursor of a terminal. Start at [`init`]; request lines are
//! in [`request_log`], the listener for metrics and probes in [`listener`].

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

pub mod escape;
pub mod listener;
pub mod request_log;

/// How lines look, decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people; in colour or not.
    Pretty {
        /// Whether escape sequences for colours may be written.
        colour: bool,
    },
}

impl Format {
    /// Decides from the setting and from what standard output is.
    #[must_use]
    pub const fn decide(setting: LogFormat, is_terminal: bool, no_colour: bool) -> Self {
        match (setting, is_terminal) {
            (LogFormat::Json, _) | (LogFormat::Auto, false) => Self::Json,
            (LogFormat::Pretty, _) | (LogFormat::Auto, true) => Self::Pretty { colour: is_terminal && !no_colour },
        }
    }

    /// [`Format::decide`] for this process.
    #[must_use]
    pub fn of_stdout(setting: LogFormat) -> Self {
        Self::decide(setting, std::io::stdout().is_terminal(), std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty()))
    }
}

/// Checks a level or filter text.
///
/// # Errors
/// What was expected.
pub fn level(text: &str) -> Result<String, String> {
    let wrong = || {
        format!(
            "expected error, warn, info, debug or trace (or a filter such as info,fluxa_gateway=debug), not \"{}\"",
            crate::config::values::clip(text)
        )
    };
    if text.trim().is_empty() {
        return Err(wrong());
    }
    // A bare word that is no level would be read as the name of a module and silence everything else.
    let is_level = |word: &str| matches!(word.to_ascii_lowercase().as_str(), "off" | "error" | "warn" | "info" | "debug" | "trace");
    if text.split(',').any(|part| !part.contains('=') && !part.contains('[') && !is_level(part.trim())) {
        return Err(wrong());
    }
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|_| wrong())
}

/// Starts logging to standard output. A second call changes nothing.
pub fn init(level: &str, format: Format) {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stdout);
    // An error means that a subscriber is there already (tests): it stays.
    let _ = match format {
        Format::Json => builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
        Format::Pretty { colour } => builder.with_ansi(colour).with_target(false).compact().try_init(),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_checked() {
        let check = |text: &str, good: bool| assert_eq!(level(text).is_ok(), good, "{text}");
        check("info", true);
        check("INFO", true);
        check("info,fluxa_gateway=debug", true);
        check("verbose", false);
        check("", false);
        check("a=b=c", false);
    }

    #[test]
    fn json_is_for_machines_and_colour_for_terminals() {
        assert_eq!(Format::decide(LogFormat::Auto, false, false), Format::Json);
        assert_eq!(Format::decide(LogFormat::Auto, true, false), Format::Pretty { colour: true });
        assert_eq!(Format::decide(LogFormat::Auto, true, true), Format::Pretty { colour: false });
        assert_eq!(Format::decide(LogFormat::Pretty, false, false), Format::Pretty { colour: false });
        assert_eq!(Format::decide(LogFormat::Json, true, false), Format::Json);
    }
}
