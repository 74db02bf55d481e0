//! What requests say about the answer as a whole: instructions, bounds, sampling, form, the account of the call.

use super::judge::{Feature, row};

pub(super) const WORDS: &[Feature] = &[
    row(
        "instructions",
        [
            r#"{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}]}"#,
            r#"{"instructions":"Be brief."}"#,
            r#"{"system":"Be brief."}"#,
            r#"{"systemInstruction":{"parts":[{"text":"Be brief."}]}}"#,
        ],
        [
            r#"{"role":"system","content":"Be brief."}"#,
            r#"{"system":[{"text":"Be brief."}]}"#,
            r#"{"systemInstruction":{"parts":[{"text":"Be brief."}]}}"#,
            r#"{"system":[{"text":"Be brief."}]}"#,
        ],
    ),
    row(
        "instructions in the middle",
        [
            r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},{"role":"system","content":"Be long now."},{"role":"user","content":"Well?"}]}"#,
            r#"{"input":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},{"role":"developer","content":"Be long now."},{"role":"user","content":"Well?"}]}"#,
            r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},{"role":"user","content":"Well?"},{"role":"system","content":"Be long now."}]}"#,
            "",
        ],
        [
            r#"{"role":"system","content":"Be long now."}"#,
            r#"{"text":"Be long now."}"#,
            r#"{"text":"Be long now."}"#,
            r#"{"text":"Be long now."}"#,
        ],
    ),
    row(
        "an answer begun by the client",
        [
            r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"The answer is"}]}"#,
            r#"{"input":[{"role":"user","content":"Hi"},{"role":"assistant","content":"The answer is"}]}"#,
            r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"The answer is"}]}"#,
            r#"{"contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"text":"The answer is"}]}]}"#,
        ],
        [
            r#"{"role":"assistant","content":"The answer is"}"#,
            r#"{"role":"assistant","content":[{"text":"The answer is"}]}"#,
            r#"{"role":"model","parts":[{"text":"The answer is"}]}"#,
            r#"{"role":"assistant","content":[{"text":"The answer is"}]}"#,
        ],
    ),
    row(
        "the name of a speaker",
        [r#"{"messages":[{"role":"user","content":"Hi","name":"anna"}]}"#, "", "", ""],
        [r#"{"role":"user","name":"anna"}"#, "", "", ""],
    ),
    row(
        "a refusal in the history",
        [
            r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","refusal":"I will not."},{"role":"user","content":"Why?"}]}"#,
            r#"{"input":[{"role":"user","content":"Hi"},{"type":"message","role":"assistant","content":[{"type":"refusal","refusal":"I will not."}]},{"role":"user","content":"Why?"}]}"#,
            "",
            "",
        ],
        [
            r#"{"role":"assistant","content":"I will not."}"#,
            r#"{"role":"assistant","content":[{"text":"I will not."}]}"#,
            r#"{"role":"model","parts":[{"text":"I will not."}]}"#,
            r#"{"role":"assistant","content":[{"text":"I will not."}]}"#,
        ],
    ),
];

pub(super) const BOUNDS: &[Feature] = &[
    row(
        "bound on the output",
        [
            r#"{"max_completion_tokens":321}"#,
            r#"{"max_output_tokens":321}"#,
            r#"{"max_tokens":321}"#,
            r#"{"generationConfig":{"maxOutputTokens":321}}"#,
        ],
        [r#"{"max_completion_tokens":321}"#, r#"{"max_tokens":321}"#, r#"{"maxOutputTokens":321}"#, r#"{"maxTokens":321}"#],
    ),
    row(
        "stop sequences",
        [r#"{"stop":["END"]}"#, "", r#"{"stop_sequences":["END"]}"#, r#"{"generationConfig":{"stopSequences":["END"]}}"#],
        [r#"{"stop":["END"]}"#, r#"{"stop_sequences":["END"]}"#, r#"{"stopSequences":["END"]}"#, r#"{"stopSequences":["END"]}"#],
    ),
    row(
        "more than four stop sequences",
        [
            r#"{"stop":["A1","B2","C3","D4","E5","F6"]}"#,
            "",
            r#"{"stop_sequences":["A1","B2","C3","D4","E5","F6"]}"#,
            r#"{"generationConfig":{"stopSequences":["A1","B2","C3","D4","E5","F6"]}}"#,
        ],
        [
            r#"{"stop":["A1","B2","C3","D4"]}"#,
            r#"{"stop_sequences":["A1","B2","C3","D4","E5","F6"]}"#,
            r#"{"stopSequences":["A1","B2","C3","D4","E5"]}"#,
            r#"{"stopSequences":["A1","B2","C3","D4","E5","F6"]}"#,
        ],
    ),
    row(
        "several answers",
        [r#"{"n":3}"#, "", "", r#"{"generationConfig":{"candidateCount":3}}"#],
        [r#"{"n":3}"#, "", r#"{"candidateCount":3}"#, ""],
    ),
    row(
        "temperature",
        [r#"{"temperature":0.25}"#, r#"{"temperature":0.25}"#, r#"{"temperature":0.25}"#, r#"{"generationConfig":{"temperature":0.25}}"#],
        [r#"{"temperature":0.25}"#, r#"{"temperature":0.25}"#, r#"{"temperature":0.25}"#, r#"{"temperature":0.25}"#],
    ),
    row(
        "temperature above 1",
        [r#"{"temperature":1.5}"#, r#"{"temperature":1.5}"#, "", r#"{"generationConfig":{"temperature":1.5}}"#],
        [r#"{"temperature":1.5}"#, r#"{"temperature":1}"#, r#"{"temperature":1.5}"#, r#"{"temperature":1}"#],
    ),
    row(
        "`top_p`",
        [r#"{"top_p":0.75}"#, r#"{"top_p":0.75}"#, r#"{"top_p":0.75}"#, r#"{"generationConfig":{"topP":0.75}}"#],
        [r#"{"top_p":0.75}"#, r#"{"top_p":0.75}"#, r#"{"topP":0.75}"#, r#"{"topP":0.75}"#],
    ),
    row(
        "`top_p` and temperature",
        [
            r#"{"top_p":0.75,"temperature":0.25}"#,
            r#"{"top_p":0.75,"temperature":0.25}"#,
            r#"{"top_p":0.75,"temperature":0.25}"#,
            r#"{"generationConfig":{"topP":0.75,"temperature":0.25}}"#,
        ],
        [
            r#"{"top_p":0.75,"temperature":0.25}"#,
            r#"{"temperature":0.25}"#,
            r#"{"topP":0.75,"temperature":0.25}"#,
            r#"{"temperature":0.25}"#,
        ],
    ),
    row(
        "`top_k`",
        [r#"{"top_k":7}"#, "", r#"{"top_k":7}"#, r#"{"generationConfig":{"topK":7}}"#],
        [r#"{"top_k":7}"#, r#"{"top_k":7}"#, r#"{"topK":7}"#, r#"{"top_k":7}"#],
    ),
    row(
        "presence penalty",
        [r#"{"presence_penalty":0.5}"#, "", "", r#"{"generationConfig":{"presencePenalty":0.5}}"#],
        [r#"{"presence_penalty":0.5}"#, "", r#"{"presencePenalty":0.5}"#, ""],
    ),
    row(
        "frequency penalty",
        [r#"{"frequency_penalty":0.5}"#, "", "", r#"{"generationConfig":{"frequencyPenalty":0.5}}"#],
        [r#"{"frequency_penalty":0.5}"#, "", r#"{"frequencyPenalty":0.5}"#, ""],
    ),
    row("seed", [r#"{"seed":4711}"#, "", "", r#"{"generationConfig":{"seed":4711}}"#], [r#"{"seed":4711}"#, "", r#"{"seed":4711}"#, ""]),
    row(
        "log-probabilities",
        [
            r#"{"logprobs":true,"top_logprobs":3}"#,
            r#"{"include":["message.output_text.logprobs"],"top_logprobs":3}"#,
            "",
            r#"{"generationConfig":{"responseLogprobs":true,"logprobs":3}}"#,
        ],
        [r#"{"logprobs":true,"top_logprobs":3}"#, "", r#"{"responseLogprobs":true,"logprobs":3}"#, ""],
    ),
    row("`logit_bias`", [r#"{"logit_bias":{"50256":-100}}"#, "", "", ""], [r#"{"logit_bias":{"50256":-100}}"#, "", "", ""]),
    row("`verbosity`", [r#"{"verbosity":"low"}"#, r#"{"text":{"verbosity":"low"}}"#, "", ""], [r#"{"verbosity":"low"}"#, "", "", ""]),
    row(
        "`prediction`",
        [r#"{"prediction":{"type":"content","content":"fn main"}}"#, "", "", ""],
        [r#"{"prediction":{"type":"content","content":"fn main"}}"#, "", "", ""],
    ),
    row(
        "spoken answers",
        [
            r#"{"modalities":["text","audio"],"audio":{"voice":"alloy","format":"wav"}}"#,
            "",
            "",
            r#"{"generationConfig":{"responseModalities":["AUDIO"]}}"#,
        ],
        [r#"{"modalities":["text","audio"],"audio":{"voice":"alloy","format":"wav"}}"#, "", r#"{"responseModalities":["AUDIO"]}"#, ""],
    ),
    row(
        "a stream",
        [r#"{"stream":true}"#, r#"{"stream":true}"#, r#"{"stream":true}"#, ""],
        [r#"{"stream":true}"#, r#"{"stream":true}"#, "{}", "{}"],
    ),
];

const SCHEMA_OPENAI: &str =
    r#"{"response_format":{"type":"json_schema","json_schema":{"schema":{"properties":{"city":{"type":"string"}}}}}}"#;

pub(super) const FORM: &[Feature] = &[
    row(
        "JSON",
        [
            r#"{"response_format":{"type":"json_object"}}"#,
            r#"{"text":{"format":{"type":"json_object"}}}"#,
            "",
            r#"{"generationConfig":{"responseMimeType":"application/json"}}"#,
        ],
        [
            r#"{"response_format":{"type":"json_object"}}"#,
            r#"{"system":[{"text":"~JSON"}]}"#,
            r#"{"responseMimeType":"application/json"}"#,
            r#"{"system":[{"text":"~JSON"}]}"#,
        ],
    ),
    row(
        "JSON that obeys a schema",
        [
            r#"{"response_format":{"type":"json_schema","json_schema":{"name":"place","schema":@schema}}}"#,
            r#"{"text":{"format":{"type":"json_schema","name":"place","schema":@schema}}}"#,
            r#"{"output_config":{"format":{"type":"json_schema","schema":@schema}}}"#,
            r#"{"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":@schema}}"#,
        ],
        [
            SCHEMA_OPENAI,
            r#"{"format":{"type":"json_schema","schema":{"properties":{"city":{"type":"string"}}}}}"#,
            r#"{"responseJsonSchema":{"properties":{"city":{"type":"string"}}}}"#,
            r#"{"jsonSchema":{"schema":"~\"city\""}}|{"toolSpec":{"inputSchema":{"json":{"properties":{"city":{"type":"string"}}}}}}"#,
        ],
    ),
    row(
        "`strict` of a schema",
        [
            r#"{"response_format":{"type":"json_schema","json_schema":{"name":"place","strict":true,"schema":@schema}}}"#,
            r#"{"text":{"format":{"type":"json_schema","name":"place","strict":true,"schema":@schema}}}"#,
            "",
            "",
        ],
        [
            r#"{"response_format":{"json_schema":{"strict":true}}}"#,
            r#"{"format":{"type":"json_schema","schema":{"additionalProperties":false}}}"#,
            r#"{"responseJsonSchema":{"properties":{"city":{"type":"string"}}}}"#,
            r#"{"jsonSchema":{"schema":"~\"city\""}}|{"toolChoice":{"tool":{"name":"json"}}}"#,
        ],
    ),
    row(
        "JSON that obeys a schema, and tools",
        [
            r#"{@tools,"response_format":{"type":"json_schema","json_schema":{"name":"place","schema":{"type":"object","properties":{"town":{"type":"string"}}}}}}"#,
            r#"{@tools,"text":{"format":{"type":"json_schema","name":"place","schema":{"type":"object","properties":{"town":{"type":"string"}}}}}}"#,
            r#"{@tools,"output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{"town":{"type":"string"}}}}}}"#,
            r#"{@tools,"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":{"type":"object","properties":{"town":{"type":"string"}}}}}"#,
        ],
        [
            r#"{"response_format":{"json_schema":{"schema":{"properties":{"town":{}}}}}}"#,
            r#"{"format":{"schema":{"properties":{"town":{}}}}}"#,
            r#"{"responseJsonSchema":{"properties":{"town":{}}}}|{"parametersJsonSchema":{"properties":{"town":{}}}}"#,
            r#"{"jsonSchema":{"schema":"~\"town\""}}|{"inputSchema":{"json":{"properties":{"town":{}}}}}"#,
        ],
    ),
];

pub(super) const ACCOUNT: &[Feature] = &[
    row(
        "cache marks",
        [
            r#"{"messages":[{"role":"user","content":[{"type":"text","text":"Hi","cache_control":{"type":"ephemeral"}}]}]}"#,
            r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"Hi","prompt_cache_breakpoint":{"ttl":"30m"}}]}]}"#,
            r#"{"messages":[{"role":"user","content":[{"type":"text","text":"Hi","cache_control":{"type":"ephemeral"}}]}]}"#,
            "",
        ],
        [
            r#"{"type":"text","cache_control":{"type":"ephemeral"}}"#,
            r#"{"type":"text","cache_control":{"type":"ephemeral"}}"#,
            "",
            r#"{"cachePoint":{"type":"default"}}"#,
        ],
    ),
    row(
        "cache key",
        [r#"{"prompt_cache_key":"team-a"}"#, r#"{"prompt_cache_key":"team-a"}"#, "", ""],
        [r#"{"prompt_cache_key":"team-a"}"#, "", "", ""],
    ),
    row(
        "service tier",
        [
            r#"{"service_tier":"priority"}"#,
            r#"{"service_tier":"priority"}"#,
            r#"{"service_tier":"standard_only"}"#,
            r#"{"serviceTier":"priority"}"#,
        ],
        [
            r#"{"service_tier":"priority"}|{"service_tier":"default"}"#,
            r#"{"service_tier":"standard_only"}"#,
            r#"{"serviceTier":"priority"}|{"serviceTier":"standard"}"#,
            r#"{"serviceTier":{"type":"priority"}}|{"serviceTier":{"type":"default"}}"#,
        ],
    ),
    row(
        "user",
        [r#"{"user":"u-17"}"#, r#"{"safety_identifier":"u-17"}"#, r#"{"metadata":{"user_id":"u-17"}}"#, ""],
        [r#"{"user":"u-17"}"#, r#"{"metadata":{"user_id":"u-17"}}"#, "", ""],
    ),
    row(
        "metadata",
        [r#"{"metadata":{"job":"nightly"}}"#, r#"{"metadata":{"job":"nightly"}}"#, "", r#"{"labels":{"job":"nightly"}}"#],
        [r#"{"metadata":{"job":"nightly"}}"#, "", r#"{"labels":{"job":"nightly"}}"#, r#"{"requestMetadata":{"job":"nightly"}}"#],
    ),
    row("`store`", [r#"{"store":true}"#, r#"{"store":true}"#, "", ""], [r#"{"store":true}"#, "", "", ""]),
    row("`truncation`", ["", r#"{"truncation":"auto"}"#, "", ""], ["", "", "", ""]),
    row("an earlier response", ["", r#"{"previous_response_id":"resp_1"}"#, "", ""], ["", "", "", ""]),
    row(
        "context management",
        ["", "", r#"{"context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]}}"#, ""],
        ["", r#"{"context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]}}"#, "", ""],
    ),
    row(
        "safety settings",
        ["", "", "", r#"{"safetySettings":[{"category":"HARM_CATEGORY_HARASSMENT","threshold":"BLOCK_NONE"}]}"#],
        ["", "", r#"{"safetySettings":[{"category":"HARM_CATEGORY_HARASSMENT","threshold":"BLOCK_NONE"}]}"#, ""],
    ),
    row(
        "cached content",
        ["", "", "", r#"{"cachedContent":"cachedContents/abc"}"#],
        ["", "", r#"{"cachedContent":"cachedContents/abc"}"#, ""],
    ),
    row(
        "a field that nobody knows",
        [r#"{"frobnicate":1}"#, r#"{"frobnicate":1}"#, r#"{"frobnicate":1}"#, r#"{"frobnicate":1}"#],
        ["", r#"{"frobnicate":1}"#, r#"{"frobnicate":1}"#, ""],
    ),
];
