//! Pages that list what the code has: every setting, every admin endpoint and every metric is on its page, as it is.

use crate::Findings;
use crate::code::{Strings, code, without_tests};
use crate::tree::File;

/// Every setting (`row("key", "VARIABLE", "default")`, `secret("key", "VARIABLE")`) has a row in the page with all three.
#[must_use]
pub fn check_settings(settings: &File, page: &File) -> Findings {
    let mut found = Vec::new();
    for (line, words) in rows(settings, &["row(", "secret("]) {
        let listed = page
            .text
            .lines()
            .any(|row| row.starts_with('|') && words.iter().all(|word| word.is_empty() || row.contains(&format!("`{word}`"))));
        if !listed {
            found.push(format!("{}:{line}: no row of {} has {words:?}", settings.path, page.path));
        }
    }
    found
}

/// Every endpoint (`endpoint!(Get "/admin/…" …`) is in a row of the page with its verb.
#[must_use]
pub fn check_endpoints(endpoints: &File, page: &File) -> Findings {
    let mut found = Vec::new();
    for (line, words) in rows(endpoints, &["endpoint!("]) {
        let Some(path) = words.first().map(|path| path.replace("{*", "{")) else { continue };
        let verb = endpoints
            .text
            .lines()
            .nth(line - 1)
            .and_then(|text| text.split("endpoint!(").nth(1))
            .map_or("", |rest| rest.split(' ').next().unwrap_or(""));
        let listed =
            page.text.lines().any(|row| row.starts_with('|') && row.contains(&format!("`{path}`")) && row.contains(&verb.to_uppercase()));
        if !listed {
            found.push(format!("{}:{line}: no row of {} has {} `{path}`", endpoints.path, page.path, verb.to_uppercase()));
        }
    }
    found
}

/// Every metric (a string that begins with `fluxa_`) is named on the page.
#[must_use]
pub fn check_metrics(metrics: &File, page: &File) -> Findings {
    let text = without_tests(&code(&metrics.text, Strings::Keep));
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for name in literals(line)
            .into_iter()
            .filter(|name| name.starts_with("fluxa_") && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase()))
        {
            if !page.text.contains(&format!("`{name}`")) {
                found.push(format!("{}:{}: {} does not name `{name}`", metrics.path, index + 1, page.path));
            }
        }
    }
    found
}

/// The string literals of each line that begins with one of `heads`, with its number.
fn rows(file: &File, heads: &[&str]) -> Vec<(usize, Vec<String>)> {
    let text = without_tests(&code(&file.text, Strings::Keep));
    text.lines()
        .enumerate()
        .filter(|(_, line)| heads.iter().any(|head| line.trim_start().starts_with(head)))
        .map(|(index, line)| (index + 1, literals(line).into_iter().map(str::to_owned).collect()))
        .collect()
}

fn literals(line: &str) -> Vec<&str> {
    line.split('"').skip(1).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_setting_that_its_page_lacks_or_tells_wrong_is_found() {
        let settings =
            file("settings.rs", "    row(\"server.port\", \"FLUXA_PORT\", \"8080\"),\n    secret(\"server.key\", \"FLUXA_KEY\"),\n");
        let page = |default: &str| {
            file("c.md", &format!("| `server.port` | `FLUXA_PORT` | `{default}` | port |\n| `server.key` | `FLUXA_KEY` | | key |\n"))
        };
        assert_eq!(check_settings(&settings, &page("8080")).len(), 0);
        assert_eq!(check_settings(&settings, &page("80")).len(), 1);
        assert_eq!(check_settings(&settings, &file("c.md", "")).len(), 2);
    }

    #[test]
    fn an_endpoint_that_its_page_lacks_is_found() {
        let endpoints = file("e.rs", "        endpoint!(Put \"/admin/routes/{*model}\" \"putRoute\" \"makes\", &[]),\n");
        assert_eq!(check_endpoints(&endpoints, &file("a.md", "| `/admin/routes/{model}` | GET, PUT | routes |\n")).len(), 0);
        assert_eq!(check_endpoints(&endpoints, &file("a.md", "| `/admin/routes/{model}` | GET | routes |\n")).len(), 1);
    }

    #[test]
    fn a_metric_that_its_page_lacks_is_found() {
        let metrics = file("m.rs", "gauge(\"fluxa_ready\", \"1 while ready.\", 1);\n");
        assert_eq!(check_metrics(&metrics, &file("m.md", "`fluxa_ready`")).len(), 0);
        assert_eq!(check_metrics(&metrics, &file("m.md", "`fluxa_other`")).len(), 1);
    }
}
