//! Tools that Anthropic publishes and the client runs: for models that were not taught them, their names and schemas.
//!
//! Source: `bash_20250124`, `text_editor_20250124` to `_20250728` and `memory_20250818` of the Anthropic SDK (`*_command.py`) and
//! the vendor's tool reference.

use serde_json::{Value, json};

use crate::neutral::Tool;

/// The function tool that a typed tool is for any other model; nothing where the client does not run it.
pub(super) fn as_function(kind: &str) -> Option<Tool> {
    let (name, description, schema) = if kind.starts_with("bash_") {
        ("bash", "Run commands in a bash shell. The session is kept between calls.", bash())
    } else if kind.starts_with("text_editor_") {
        // Only the first ones can undo, and are named otherwise.
        let first = kind <= "text_editor_20250124";
        let name = if first { "str_replace_editor" } else { "str_replace_based_edit_tool" };
        (name, "View, create and edit text files.", text_editor(first))
    } else if kind.starts_with("memory_") {
        ("memory", "Store and read notes in files below /memories that last beyond this conversation.", memory())
    } else {
        return None;
    };
    Some(Tool { name: name.to_owned(), description: Some(description.to_owned()), schema: Some(schema), ..Tool::default() })
}

fn bash() -> Value {
    json!({"type": "object", "properties": {
        "command": {"type": "string", "description": "The bash command to run. Required unless the tool is being restarted."},
        "restart": {"type": "boolean", "description": "True restarts the shell."},
    }})
}

fn text_editor(can_undo: bool) -> Value {
    let mut commands = vec!["view", "create", "str_replace", "insert"];
    if can_undo {
        commands.push("undo_edit");
    }
    let inserted = if can_undo { "new_str" } else { "insert_text" };
    let mut schema = json!({"type": "object", "properties": {
        "command": {"type": "string", "enum": commands, "description": "The command to run."},
        "path": {"type": "string", "description": "Path of the file or directory."},
        "file_text": {"type": "string", "description": "Content of the file; for `create`."},
        "old_str": {"type": "string", "description": "The text to replace; for `str_replace`, must occur exactly once."},
        "new_str": {"type": "string", "description": "The replacement; for `str_replace`."},
        "insert_line": {"type": "integer", "description": "The line after which to insert, 0 for the beginning; for `insert`."},
        "view_range": {"type": "array", "items": {"type": "integer"}, "description": "First and last line to show, from 1, -1 for the end; for `view`."},
    }, "required": ["command", "path"]});
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert(inserted.to_owned(), json!({"type": "string", "description": "The replacement, or the text to insert."}));
    }
    schema
}

fn memory() -> Value {
    json!({"type": "object", "properties": {
        "command": {"type": "string", "enum": ["view", "create", "str_replace", "insert", "delete", "rename"], "description": "The command to run."},
        "path": {"type": "string", "description": "Path of the file or directory; for all but `rename`."},
        "view_range": {"type": "array", "items": {"type": "integer"}, "description": "First and last line to show; for `view`."},
        "file_text": {"type": "string", "description": "Content of the file; for `create`."},
        "old_str": {"type": "string", "description": "The text to replace; for `str_replace`."},
        "new_str": {"type": "string", "description": "The replacement; for `str_replace`."},
        "insert_line": {"type": "integer", "description": "The line after which to insert; for `insert`."},
        "insert_text": {"type": "string", "description": "The text to insert; for `insert`."},
        "old_path": {"type": "string", "description": "The path before; for `rename`."},
        "new_path": {"type": "string", "description": "The path after; for `rename`."},
    }, "required": ["command"]})
}
