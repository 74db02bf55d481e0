//! Thinking: how much is asked for, and the marks on thoughts and calls that must come back to their vendor.

use super::judge::{Feature, thought};

pub(super) const THOUGHTS: &[Feature] = &[
    thought(
        "effort",
        [
            r#"{"reasoning_effort":"high"}"#,
            r#"{"reasoning":{"effort":"high"}}"#,
            r#"{"output_config":{"effort":"high"},"thinking":{"type":"enabled","budget_tokens":4096}}"#,
            r#"{"generationConfig":{"thinkingConfig":{"thinkingLevel":"high"}}}"#,
        ],
        [
            r#"{"reasoning_effort":"high"}"#,
            r#"{"thinking":{"type":"enabled","budget_tokens":4096}}"#,
            r#"{"thinkingConfig":{"thinkingLevel":"high"}}"#,
            r#"{"thinking":{"type":"enabled","budget_tokens":4096}}"#,
        ],
    ),
    thought(
        "a budget in tokens",
        [
            r#"{"thinking":{"type":"enabled","budget_tokens":2048}}"#,
            "",
            r#"{"thinking":{"type":"enabled","budget_tokens":2048}}"#,
            r#"{"generationConfig":{"thinkingConfig":{"thinkingBudget":2048}}}"#,
        ],
        [
            r#"{"reasoning_effort":"medium"}"#,
            r#"{"thinking":{"type":"enabled","budget_tokens":2048}}"#,
            r#"{"thinkingConfig":{"thinkingLevel":"high"}}"#,
            r#"{"thinking":{"type":"enabled","budget_tokens":2048}}"#,
        ],
    ),
    thought(
        "no thinking",
        [
            r#"{"reasoning_effort":"none"}"#,
            r#"{"reasoning":{"effort":"none"}}"#,
            r#"{"thinking":{"type":"disabled"}}"#,
            r#"{"generationConfig":{"thinkingConfig":{"thinkingBudget":0}}}"#,
        ],
        [
            r#"{"reasoning_effort":"none"}"#,
            r#"{"thinking":{"type":"disabled"}}"#,
            r#"{"thinkingConfig":{"thinkingLevel":"low"}}"#,
            r#"!{"thinking":{}}"#,
        ],
    ),
    thought(
        "thoughts shown",
        [
            "",
            r#"{"reasoning":{"effort":"high","summary":"auto"}}"#,
            r#"{"thinking":{"type":"adaptive","display":"summarized"}}"#,
            r#"{"generationConfig":{"thinkingConfig":{"includeThoughts":true}}}"#,
        ],
        ["", r#"{"thinking":{"type":"enabled"}}"#, r#"{"thinkingConfig":{"includeThoughts":true}}"#, r#"{"thinking":{"type":"enabled"}}"#],
    ),
    thought(
        "Claude's signed thoughts, sent back",
        [
            r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello","thinking_blocks":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"}]},{"role":"user","content":"Well?"}]}"#,
            r#"{"input":[{"role":"user","content":"Hi"},{"type":"reasoning","summary":[{"type":"summary_text","text":"Hm."}],"encrypted_content":"fluxa.a.c2ln"},{"role":"assistant","content":"Hello"},{"role":"user","content":"Well?"}]}"#,
            r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"},{"type":"text","text":"Hello"}]},{"role":"user","content":"Well?"}]}"#,
            r#"{"contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"text":"Hm.","thought":true,"thoughtSignature":"@claude_mark"},{"text":"Hello"}]},{"role":"user","parts":[{"text":"Well?"}]}]}"#,
        ],
        [
            "",
            r#"{"type":"thinking","thinking":"Hm.","signature":"c2ln"}"#,
            "",
            r#"{"reasoningContent":{"reasoningText":{"text":"Hm.","signature":"c2ln"}}}"#,
        ],
    ),
    thought(
        "Claude's hidden thoughts, sent back",
        [
            r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello","thinking_blocks":[{"type":"redacted_thinking","data":"UmVk"}]},{"role":"user","content":"Well?"}]}"#,
            r#"{"input":[{"role":"user","content":"Hi"},{"type":"reasoning","summary":[],"encrypted_content":"fluxa.a.UmVk"},{"role":"assistant","content":"Hello"},{"role":"user","content":"Well?"}]}"#,
            r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"redacted_thinking","data":"UmVk"},{"type":"text","text":"Hello"}]},{"role":"user","content":"Well?"}]}"#,
            r#"{"contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"text":"","thought":true,"thoughtSignature":"@claude_redacted"},{"text":"Hello"}]},{"role":"user","parts":[{"text":"Well?"}]}]}"#,
        ],
        ["", r#"{"type":"redacted_thinking","data":"UmVk"}"#, "", r#"{"reasoningContent":{"redactedContent":"VW1Waw=="}}"#],
    ),
    thought(
        "Gemini's signed call, sent back",
        [
            r#"{@tools,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","tool_calls":[{"id":"@signed_id","type":"function","function":{"name":"weather","arguments":"{}"}}]},{"role":"tool","tool_call_id":"@signed_id","content":"Sun."}]}"#,
            r#"{@tools,"input":[{"role":"user","content":"Hi"},{"type":"function_call","call_id":"@signed_id","name":"weather","arguments":"{}"},{"type":"function_call_output","call_id":"@signed_id","output":"Sun."}]}"#,
            r#"{@tools,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"@signed_id","name":"weather","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"@signed_id","content":"Sun."}]}]}"#,
            r#"{@tools,"contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"functionCall":{"id":"call_1","name":"weather","args":{}},"thoughtSignature":"CiQB"}]},{"role":"user","parts":[{"functionResponse":{"id":"call_1","name":"weather","response":{"output":"Sun."}}}]}]}"#,
        ],
        ["", "", r#"{"functionCall":{"name":"weather"},"thoughtSignature":"CiQB"}"#, ""],
    ),
];
