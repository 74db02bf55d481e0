//! Counts instructions: this program runs itself under valgrind, which writes a dump for each work.

use std::path::Path;
use std::process::Command;

use crate::work::Work;

/// Asks for the works of the table.
pub(crate) const SPEED: &str = "--under-callgrind=speed";
/// Asks for those that come in two sizes.
pub(crate) const GROWTH: &str = "--under-callgrind=growth";

/// The one function that is counted.
#[inline(never)]
fn counted_work(run: Box<dyn FnOnce()>) {
    run();
}

/// Does each work twice: to warm up, and to be counted.
pub(crate) fn run_works(works: &[Work]) {
    for work in works {
        (work.ready)()();
        counted_work((work.ready)());
    }
    // A dump is written where the next work begins.
    counted_work(Box::new(|| {}));
}

/// The instructions of each work, in order.
///
/// # Errors
///
/// When valgrind is not there or fails.
pub(crate) fn count(part: &str, filter: &str) -> Result<Vec<u64>, String> {
    let program = std::env::current_exe().map_err(|fault| format!("this program has no path: {fault}"))?;
    let folder = std::env::temp_dir().join(format!("fluxa-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|fault| format!("no folder for the counts: {fault}"))?;
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--quiet",
            "--collect-atstart=no",
            "--toggle-collect=translation::callgrind::counted_work",
            "--dump-before=translation::callgrind::counted_work",
        ])
        .arg(format!("--callgrind-out-file={}", folder.join("out").display()))
        .arg(program)
        .args([part, filter].into_iter().filter(|argument| !argument.is_empty()))
        .output();
    let counts = match output {
        Ok(output) if output.status.success() => read_dumps(&folder),
        Ok(output) => Err(format!("valgrind failed: {}", String::from_utf8_lossy(&output.stderr))),
        Err(fault) => Err(format!("counting instructions needs valgrind: {fault}")),
    };
    let _ = std::fs::remove_dir_all(&folder);
    counts
}

/// Dumps are `out.1`, which is of nothing, `out.2` and so on.
fn read_dumps(folder: &Path) -> Result<Vec<u64>, String> {
    let mut counts = Vec::new();
    while let Ok(text) = std::fs::read_to_string(folder.join(format!("out.{}", counts.len() + 2))) {
        let total = text.lines().find_map(|line| line.strip_prefix("totals: ").or_else(|| line.strip_prefix("summary: ")));
        let number = total.and_then(|total| total.trim().parse().ok());
        counts.push(number.ok_or_else(|| format!("dump {} has no total", counts.len() + 2))?);
    }
    if counts.is_empty() { Err(String::from("valgrind counted nothing")) } else { Ok(counts) }
}
