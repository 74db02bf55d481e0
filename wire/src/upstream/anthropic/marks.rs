//! At most four cache marks in a request; more are refused. Source: protocol specification §2.1.

use super::blocks::{Block, Mark};
use super::tools::ToolSpec;
use super::turns::Message;

/// Marks at most, that of the request itself included.
const MARKS: usize = 4;

/// Takes away the first marks of too many: what lies before a later mark is cached with it.
pub(super) fn bound(tools: &mut [ToolSpec<'_>], system: &mut [Block<'_>], messages: &mut [Message<'_>], of_request: bool) {
    let mut marks: Vec<&mut Option<Mark>> = Vec::new();
    marks.extend(tools.iter_mut().filter_map(ToolSpec::mark));
    for block in system {
        gather(block, &mut marks);
    }
    for block in messages.iter_mut().flat_map(|message| &mut message.blocks) {
        gather(block, &mut marks);
    }
    marks.retain(|mark| mark.is_some());
    let may = MARKS - usize::from(of_request);
    let over = marks.len().saturating_sub(may);
    for mark in marks.into_iter().take(over) {
        *mark = None;
    }
}

fn gather<'m>(block: &'m mut Block<'_>, marks: &mut Vec<&'m mut Option<Mark>>) {
    match block {
        Block::Text { cache_control, .. }
        | Block::Image { cache_control, .. }
        | Block::Document { cache_control, .. }
        | Block::ToolUse { cache_control, .. } => marks.push(cache_control),
        Block::ToolResult { content, cache_control, .. } => {
            for inner in content {
                gather(inner, marks);
            }
            marks.push(cache_control);
        }
        Block::Thinking { .. } | Block::RedactedThinking { .. } | Block::Own(_) => {}
    }
}
