//! Tools, what is said about their use, their calls and their results.

use super::judge::{Feature, row};

const CALL_CHAT: &str = r#"{@tools,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Rome\"}"}},{"id":"call_2","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Oslo\"}"}}]},{"role":"tool","tool_call_id":"call_2","content":"Snow."},{"role":"tool","tool_call_id":"call_1","content":"Sun."}]}"#;
const CALL_RESPONSES: &str = r#"{@tools,"input":[{"role":"user","content":"Hi"},{"type":"function_call","call_id":"call_1","name":"weather","arguments":"{\"city\":\"Rome\"}"},{"type":"function_call","call_id":"call_2","name":"weather","arguments":"{\"city\":\"Oslo\"}"},{"type":"function_call_output","call_id":"call_2","output":"Snow."},{"type":"function_call_output","call_id":"call_1","output":"Sun."}]}"#;
const CALL_MESSAGES: &str = r#"{@tools,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"weather","input":{"city":"Rome"}},{"type":"tool_use","id":"call_2","name":"weather","input":{"city":"Oslo"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_2","content":"Snow."},{"type":"tool_result","tool_use_id":"call_1","content":"Sun."}]}]}"#;
const CALL_GEMINI: &str = r#"{@tools,"contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"functionCall":{"id":"call_1","name":"weather","args":{"city":"Rome"}}},{"functionCall":{"id":"call_2","name":"weather","args":{"city":"Oslo"}}}]},{"role":"user","parts":[{"functionResponse":{"id":"call_2","name":"weather","response":{"output":"Snow."}}},{"functionResponse":{"id":"call_1","name":"weather","response":{"output":"Sun."}}}]}]}"#;

pub(super) const TOOLS: &[Feature] = &[
    row(
        "tools",
        ["{@tools}", "{@tools}", "{@tools}", "{@tools}"],
        [
            r#"{"function":{"name":"weather","description":"Tells the weather.","parameters":{"properties":{"city":{"type":"string"}}}}}"#,
            r#"{"name":"weather","description":"Tells the weather.","input_schema":{"properties":{"city":{"type":"string"}}}}"#,
            r#"{"name":"weather","description":"Tells the weather.","parametersJsonSchema":{"properties":{"city":{"type":"string"}}}}"#,
            r#"{"toolSpec":{"name":"weather","description":"Tells the weather.","inputSchema":{"json":{"properties":{"city":{"type":"string"}}}}}}"#,
        ],
    ),
    row(
        "a tool without arguments",
        [
            r#"{"tools":[{"type":"function","function":{"name":"now"}}]}"#,
            r#"{"tools":[{"type":"function","name":"now"}]}"#,
            r#"{"tools":[{"name":"now","input_schema":{"type":"object"}}]}"#,
            r#"{"tools":[{"functionDeclarations":[{"name":"now"}]}]}"#,
        ],
        [
            r#"{"function":{"name":"now"}}"#,
            r#"{"name":"now","input_schema":{"type":"object"}}"#,
            r#"{"name":"now"}"#,
            r#"{"toolSpec":{"name":"now"}}"#,
        ],
    ),
    row(
        "a tool with a long name",
        [
            r#"{"tools":[{"type":"function","function":{"name":"@long","parameters":@schema}}]}"#,
            r#"{"tools":[{"type":"function","name":"@long","parameters":@schema}]}"#,
            r#"{"tools":[{"name":"@long","input_schema":@schema}]}"#,
            r#"{"tools":[{"functionDeclarations":[{"name":"@long","parametersJsonSchema":@schema}]}]}"#,
        ],
        [
            r#"{"function":{"name":"~read_the_weather_of_"}}"#,
            r#"{"name":"@long"}"#,
            r#"{"name":"~read_the_weather_of_"}"#,
            r#"{"toolSpec":{"name":"~read_the_weather_of_"}}"#,
        ],
    ),
    row(
        "`strict` of a tool",
        [
            r#"{"tools":[{"type":"function","function":{"name":"weather","strict":true,"parameters":@schema}}]}"#,
            r#"{"tools":[{"type":"function","name":"weather","strict":true,"parameters":@schema}]}"#,
            r#"{"tools":[{"name":"weather","strict":true,"input_schema":@schema}]}"#,
            "",
        ],
        [
            r#"{"function":{"strict":true}}"#,
            r#"{"name":"weather","strict":true}"#,
            r#"{"mode":"VALIDATED"}"#,
            r#"{"toolSpec":{"strict":true}}"#,
        ],
    ),
    row(
        "a tool of free text",
        [
            r#"{"tools":[{"type":"custom","custom":{"name":"sql","description":"Asks."}}]}"#,
            r#"{"tools":[{"type":"custom","name":"sql","description":"Asks."}]}"#,
            "",
            "",
        ],
        [
            r#"{"custom":{"name":"sql"}}|{"function":{"name":"sql","parameters":{"properties":{"input":{}}}}}"#,
            r#"{"name":"sql","input_schema":{"properties":{"input":{}}}}"#,
            r#"{"name":"sql","parametersJsonSchema":{"properties":{"input":{}}}}"#,
            r#"{"toolSpec":{"name":"sql","inputSchema":{"json":{"properties":{"input":{}}}}}}"#,
        ],
    ),
    row(
        "tool choice: as the model likes",
        [
            r#"{@tools,"tool_choice":"auto"}"#,
            r#"{@tools,"tool_choice":"auto"}"#,
            r#"{@tools,"tool_choice":{"type":"auto"}}"#,
            r#"{@tools,"toolConfig":{"functionCallingConfig":{"mode":"AUTO"}}}"#,
        ],
        [r#"{"tool_choice":"auto"}"#, r#"{"tool_choice":{"type":"auto"}}"#, r#"{"mode":"AUTO"}"#, r#"{"toolChoice":{"auto":{}}}"#],
    ),
    row(
        "tool choice: none",
        [
            r#"{@tools,"tool_choice":"none"}"#,
            r#"{@tools,"tool_choice":"none"}"#,
            r#"{@tools,"tool_choice":{"type":"none"}}"#,
            r#"{@tools,"toolConfig":{"functionCallingConfig":{"mode":"NONE"}}}"#,
        ],
        [r#"{"tool_choice":"none"}"#, r#"{"tool_choice":{"type":"none"}}"#, r#"{"mode":"NONE"}"#, r#"!{"toolConfig":{}}"#],
    ),
    row(
        "tool choice: some tool",
        [
            r#"{@tools,"tool_choice":"required"}"#,
            r#"{@tools,"tool_choice":"required"}"#,
            r#"{@tools,"tool_choice":{"type":"any"}}"#,
            r#"{@tools,"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}}"#,
        ],
        [r#"{"tool_choice":"required"}"#, r#"{"tool_choice":{"type":"any"}}"#, r#"{"mode":"ANY"}"#, r#"{"toolChoice":{"any":{}}}"#],
    ),
    row(
        "tool choice: this tool",
        [
            r#"{@tools,"tool_choice":{"type":"function","function":{"name":"weather"}}}"#,
            r#"{@tools,"tool_choice":{"type":"function","name":"weather"}}"#,
            r#"{@tools,"tool_choice":{"type":"tool","name":"weather"}}"#,
            r#"{@tools,"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["weather"]}}}"#,
        ],
        [
            r#"{"tool_choice":{"type":"function","function":{"name":"weather"}}}"#,
            r#"{"tool_choice":{"type":"tool","name":"weather"}}"#,
            r#"{"mode":"ANY","allowedFunctionNames":["weather"]}"#,
            r#"{"toolChoice":{"tool":{"name":"weather"}}}"#,
        ],
    ),
    row(
        "tool choice: one of some",
        [
            r#"{"tools":[{"type":"function","function":{"name":"a"}},{"type":"function","function":{"name":"b"}},{"type":"function","function":{"name":"c"}}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"a"}},{"type":"function","function":{"name":"b"}}]}}}"#,
            r#"{"tools":[{"type":"function","name":"a"},{"type":"function","name":"b"},{"type":"function","name":"c"}],"tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"a"},{"type":"function","name":"b"}]}}"#,
            "",
            r#"{"tools":[{"functionDeclarations":[{"name":"a"},{"name":"b"},{"name":"c"}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["a","b"]}}}"#,
        ],
        [
            r#"{"allowed_tools":{"mode":"required","tools":[{"function":{"name":"a"}},{"function":{"name":"b"}}]}}|!{"function":{"name":"c"}}"#,
            r#"!{"name":"c"}"#,
            r#"{"mode":"ANY","allowedFunctionNames":["a","b"]}"#,
            r#"!{"toolSpec":{"name":"c"}}"#,
        ],
    ),
    row(
        "one call at a time",
        [
            r#"{@tools,"parallel_tool_calls":false}"#,
            r#"{@tools,"parallel_tool_calls":false}"#,
            r#"{@tools,"tool_choice":{"type":"auto","disable_parallel_tool_use":true}}"#,
            "",
        ],
        [
            r#"{"parallel_tool_calls":false}"#,
            r#"{"tool_choice":{"disable_parallel_tool_use":true}}"#,
            "",
            r#"{"tool_choice":{"disable_parallel_tool_use":true}}"#,
        ],
    ),
    row(
        "parallel calls and their results, out of order",
        [CALL_CHAT, CALL_RESPONSES, CALL_MESSAGES, CALL_GEMINI],
        [
            r#"{"messages":[{"role":"assistant","tool_calls":[{"id":"call_1"},{"id":"call_2"}]},{"role":"tool","tool_call_id":"call_2","content":"Snow."},{"role":"tool","tool_call_id":"call_1","content":"Sun."}]}"#,
            r#"{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"call_1","input":{"city":"Rome"}},{"id":"call_2"}]},{"role":"user","content":[{"tool_use_id":"call_1","content":[{"text":"Sun."}]},{"tool_use_id":"call_2","content":[{"text":"Snow."}]}]}]}"#,
            r#"{"contents":[{"role":"model","parts":[{"functionCall":{"args":{"city":"Rome"}}},{"functionCall":{"args":{"city":"Oslo"}}}]},{"role":"user","parts":[{"functionResponse":{"response":{"output":"Sun."}}},{"functionResponse":{"response":{"output":"Snow."}}}]}]}|{"contents":[{"parts":[{"functionResponse":{"id":"call_2","response":{"output":"Snow."}}},{"functionResponse":{"id":"call_1","response":{"output":"Sun."}}}]}]}"#,
            r#"{"messages":[{"role":"assistant","content":[{"toolUse":{"toolUseId":"call_1","input":{"city":"Rome"}}},{"toolUse":{"toolUseId":"call_2"}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"call_2","content":[{"text":"Snow."}]}},{"toolResult":{"toolUseId":"call_1","content":[{"text":"Sun."}]}}]}]}"#,
        ],
    ),
    row(
        "a call without arguments",
        [
            r#"{@tools,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":""}}]},{"role":"tool","tool_call_id":"call_1","content":"Sun."}]}"#,
            r#"{@tools,"input":[{"role":"user","content":"Hi"},{"type":"function_call","call_id":"call_1","name":"weather","arguments":""},{"type":"function_call_output","call_id":"call_1","output":"Sun."}]}"#,
            r#"{@tools,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"weather","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"Sun."}]}]}"#,
            r#"{@tools,"contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"functionCall":{"name":"weather"}}]},{"role":"user","parts":[{"functionResponse":{"name":"weather","response":{"output":"Sun."}}}]}]}"#,
        ],
        [
            r#"{"function":{"name":"weather","arguments":"{}"}}"#,
            r#"{"type":"tool_use","name":"weather","input":{}}"#,
            r#"{"functionCall":{"name":"weather","args":{}}}"#,
            r#"{"toolUse":{"name":"weather","input":{}}}"#,
        ],
    ),
    row(
        "a tool that failed",
        [
            "",
            "",
            r#"{@tools,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"weather","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","is_error":true,"content":"no such city"}]}]}"#,
            r#"{@tools,"contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"functionCall":{"name":"weather","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"name":"weather","response":{"error":"no such city"}}}]}]}"#,
        ],
        [
            r#"{"role":"tool","content":"Error: no such city"}"#,
            r#"{"type":"tool_result","is_error":true}"#,
            r#"{"response":{"error":"no such city"}}"#,
            r#"{"toolResult":{"status":"error"}}"#,
        ],
    ),
    row(
        "a picture as a result",
        [
            r#"{@tools,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgoAAAAN"}}]}]}"#,
            r#"{@tools,"input":[{"role":"user","content":"Hi"},{"type":"function_call","call_id":"call_1","name":"weather","arguments":"{}"},{"type":"function_call_output","call_id":"call_1","output":[{"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgoAAAAN"}]}]}"#,
            r#"{@tools,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"weather","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgoAAAAN"}}]}]}]}"#,
            r#"{@tools,"contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"functionCall":{"name":"weather","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"name":"weather","response":{},"parts":[{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgoAAAAN"}}]}}]}]}"#,
        ],
        [
            r#"{"image_url":{"url":"data:image/png;base64,iVBORw0KGgoAAAAN"}}"#,
            r#"{"type":"tool_result","content":[{"type":"image","source":{"data":"iVBORw0KGgoAAAAN"}}]}"#,
            r#"{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgoAAAAN"}}"#,
            r#"{"toolResult":{"content":[{"image":{"source":{"bytes":"iVBORw0KGgoAAAAN"}}}]}}"#,
        ],
    ),
    row(
        "a search of the web",
        [
            r#"{"web_search_options":{}}"#,
            r#"{"tools":[{"type":"web_search"}]}"#,
            r#"{"tools":[{"type":"web_search_20250305","name":"web_search"}]}"#,
            r#"{"tools":[{"googleSearch":{}}]}"#,
        ],
        [r#"{"web_search_options":{}}"#, r#"{"type":"web_search_20250305"}"#, r#"{"googleSearch":{}}"#, ""],
    ),
    row(
        "a bound on searches",
        ["", "", r#"{"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":3}]}"#, ""],
        ["", r#"{"type":"web_search_20250305","max_uses":3}"#, r#"{"googleSearch":{}}"#, ""],
    ),
    row(
        "code run by the vendor",
        [
            "",
            r#"{"tools":[{"type":"code_interpreter","container":{"type":"auto"}}]}"#,
            r#"{"tools":[{"type":"code_execution_20250825","name":"code_execution"}]}"#,
            r#"{"tools":[{"codeExecution":{}}]}"#,
        ],
        ["", r#"{"type":"code_execution_20250825"}"#, r#"{"codeExecution":{}}"#, ""],
    ),
    row(
        "MCP servers of the vendor",
        [
            "",
            r#"{"tools":[{"type":"mcp","server_label":"d","server_url":"https://mcp.example"}]}"#,
            r#"{"mcp_servers":[{"type":"url","url":"https://mcp.example","name":"d"}]}"#,
            "",
        ],
        ["", r#"{"mcp_servers":[{"url":"https://mcp.example"}]}"#, "", ""],
    ),
];
