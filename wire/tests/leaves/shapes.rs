//! Requests and answers of every dialect and endpoint, with a value in each field that holds text.

/// One body.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) body: &'static str,
}

/// All of them.
pub(crate) const SHAPES: &[Shape] = &[
    Shape {
        name: "chat completion request",
        body: r#"{"model":"gpt-x","stream":true,"user":"u1","safety_identifier":"s1","prompt_cache_key":"p1","metadata":{"team":"a","case":"7"},
            "stop":["END","STOP"],"logit_bias":{"50256":-100},"prediction":{"type":"content","content":[{"type":"text","text":"draft"}]},
            "messages":[{"role":"system","content":"be kind"},{"role":"developer","content":[{"type":"text","text":"short"}],"name":"dev"},
            {"role":"user","name":"ann","content":[{"type":"text","text":"hello"},{"type":"image_url","image_url":{"url":"https://x.example/a.png","detail":"auto"}},
            {"type":"input_audio","input_audio":{"data":"aGVsbG8","format":"wav"}},{"type":"file","file":{"file_id":"f1","filename":"a.pdf","file_data":"data:text/plain,hello"}}]},
            {"role":"assistant","content":null,"refusal":"no","reasoning_content":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm"}],
            "tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},{"id":"call_2","type":"custom","custom":{"name":"g","input":"raw"}}],
            "function_call":{"name":"f","arguments":"{}"}},
            {"role":"tool","tool_call_id":"call_1","content":"result"},{"role":"tool","tool_call_id":"call_2","content":[{"type":"text","text":"part"}]},{"role":"function","name":"f","content":"old"}],
            "tools":[{"type":"function","function":{"name":"f","description":"does","strict":true,"parameters":{"type":"object","title":"t","properties":{"a":{"type":"string","description":"an a",
            "enum":["x","y"],"default":"x","pattern":"^a","examples":["e"]}},"required":["a"]}}},{"type":"custom","custom":{"name":"g","description":"d","format":{"type":"grammar","grammar":{"definition":"start: x","syntax":"lark"}}}}],
            "tool_choice":{"type":"function","function":{"name":"f"}},"functions":[{"name":"f","description":"d","parameters":{}}],
            "response_format":{"type":"json_schema","json_schema":{"name":"n","description":"d","schema":{"type":"object","properties":{"q":{"const":"c"}}}}},
            "web_search_options":{"user_location":{"type":"approximate","approximate":{"city":"Oslo","country":"NO","region":"r","timezone":"Europe/Oslo"}}},
            "audio":{"voice":"alloy","format":"mp3"},"service_tier":"auto","reasoning_effort":"low","x_unknown":{"deep":[{"er":["text"]}]}}"#,
    },
    Shape {
        name: "chat completion answer",
        body: r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"finish_reason":"stop",
            "logprobs":{"content":[{"token":"hi","bytes":[1,2],"logprob":-0.5,"top_logprobs":[{"token":"ho"}]}]},
            "message":{"role":"assistant","content":"hi","refusal":null,"reasoning":"r","audio":{"id":"a","data":"aGVsbG8","transcript":"spoken"},
            "annotations":[{"type":"url_citation","url_citation":{"url":"https://x.example","title":"t"}}],
            "tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":\"b\"}"}}]}}],"usage":{"prompt_tokens":12345678}}"#,
    },
    Shape {
        name: "messages request",
        body: r#"{"model":"claude-x","max_tokens":100,"system":[{"type":"text","text":"be kind","cache_control":{"type":"ephemeral","ttl":"5m"}}],"metadata":{"user_id":"u"},"stop_sequences":["END"],
            "messages":[{"role":"user","content":"hello"},{"role":"user","content":[{"type":"text","text":"t"},{"type":"image","source":{"type":"url","url":"https://x.example/a.png"}},
            {"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGVsbG8"}},{"type":"document","title":"a title","context":"a context","source":{"type":"text","media_type":"text/plain","data":"the document"},"citations":{"enabled":true}},
            {"type":"document","source":{"type":"content","content":[{"type":"text","text":"inner"}]}},{"type":"search_result","source":"https://s.example","title":"st","content":[{"type":"text","text":"found"}]}]},
            {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"short"},{"type":"redacted_thinking","data":"short"},{"type":"text","text":"as said","citations":[{"type":"char_location","cited_text":"cited","document_title":"dt"}]},
            {"type":"tool_use","id":"toolu_1","name":"f","input":{"path":"/tmp","list":["x",{"k":"v"}]}},{"type":"server_tool_use","id":"srv","name":"web_search","input":{"query":"q"}},
            {"type":"web_search_tool_result","tool_use_id":"srv","content":[{"type":"web_search_result","url":"https://x.example","title":"t","encrypted_content":"short","page_age":"1 day"}]}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"result","is_error":false},{"type":"tool_result","tool_use_id":"toolu_2","content":[{"type":"text","text":"result"}]}]}],
            "tools":[{"name":"f","description":"does","input_schema":{"type":"object","properties":{"path":{"type":"string","description":"p"}}},"input_examples":[{"path":"/home"}]},
            {"type":"web_search_20250305","name":"web_search","allowed_domains":["a.example"],"user_location":{"type":"approximate","city":"Oslo"}}],
            "tool_choice":{"type":"tool","name":"f"},"mcp_servers":[{"type":"url","url":"https://m.example","name":"m","authorization_token":"tok"}],"container":"c","output_config":{"format":{"type":"json_schema","schema":{"title":"s"}}}}"#,
    },
    Shape {
        name: "messages answer",
        body: r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","stop_reason":"end_turn","stop_sequence":"END","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"hi"},
            {"type":"tool_use","id":"toolu_1","name":"f","input":{"a":{"b":"c"}}},{"type":"code_execution_tool_result","content":{"type":"code_execution_result","stdout":"out","stderr":"err"}}],"usage":{"input_tokens":1}}"#,
    },
    Shape {
        name: "responses request",
        body: r#"{"model":"m","instructions":"be kind","user":"u","metadata":{"k":"v"},"previous_response_id":"resp_1","prompt":{"id":"pmpt","variables":{"city":"Oslo","doc":{"type":"input_text","text":"x"}}},
            "input":[{"role":"user","content":"hello"},{"type":"message","role":"user","content":[{"type":"input_text","text":"t"},{"type":"input_image","image_url":"https://x.example/a.png"},{"type":"input_file","filename":"a.txt","file_data":"data:text/plain,hello"}]},
            {"type":"message","role":"assistant","id":"msg_1","status":"completed","content":[{"type":"output_text","text":"said","annotations":[{"type":"file_citation","filename":"f.txt"}]},{"type":"refusal","refusal":"no"}]},
            {"type":"function_call","call_id":"call_1","name":"f","arguments":"{\"a\":\"b\"}"},{"type":"function_call_output","call_id":"call_1","output":"result"},{"type":"function_call_output","call_id":"call_2","output":[{"type":"input_text","text":"part"}]},
            {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"thought"}],"encrypted_content":"short"},{"type":"custom_tool_call","call_id":"c3","name":"g","input":"raw input"},{"type":"custom_tool_call_output","call_id":"c3","output":"raw output"},
            {"type":"local_shell_call","action":{"type":"exec","command":["ls","-l"],"env":{"A":"b"}}},{"type":"mcp_call","name":"m","arguments":"{}","output":"o","server_label":"s"},{"type":"item_reference","id":"it"}],
            "tools":[{"type":"function","name":"f","description":"does","parameters":{"type":"object","properties":{"a":{"description":"an a"}}}},{"type":"web_search","user_location":{"type":"approximate","city":"Oslo"}},
            {"type":"mcp","server_label":"s","server_url":"https://m.example","headers":{"Authorization":"Bearer x"}},{"type":"file_search","vector_store_ids":["vs"],"filters":{"type":"eq","key":"k","value":"v"}}],
            "text":{"format":{"type":"json_schema","name":"n","schema":{"description":"d"}}},"reasoning":{"effort":"low","summary":"auto"},"include":["reasoning.encrypted_content"]}"#,
    },
    Shape { name: "responses request of a string", body: r#"{"model":"m","input":"hello"}"# },
    Shape {
        name: "responses answer",
        body: r#"{"id":"resp_1","object":"response","status":"completed","model":"m","error":{"code":"c","message":"broken"},"output":[{"type":"reasoning","id":"rs","summary":[{"type":"summary_text","text":"thought"}]},
            {"type":"message","id":"msg","role":"assistant","content":[{"type":"output_text","text":"hi","annotations":[]}]},{"type":"function_call","id":"fc","call_id":"call","name":"f","arguments":"{}","status":"completed"},
            {"type":"web_search_call","action":{"type":"search","query":"q"}},{"type":"image_generation_call","result":"short"}]}"#,
    },
    Shape {
        name: "gemini request",
        body: r#"{"systemInstruction":{"parts":[{"text":"be kind"}]},"contents":[{"role":"user","parts":[{"text":"hello"},{"inlineData":{"mimeType":"image/png","data":"aGVsbG8"}},{"fileData":{"mimeType":"text/plain","fileUri":"gs://b/f"}}]},
            {"role":"model","parts":[{"text":"thought","thought":true,"thoughtSignature":"short"},{"functionCall":{"id":"i","name":"f","args":{"a":{"b":["c"]}}}},{"executableCode":{"language":"PYTHON","code":"print(1)"}},{"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"1"}}]},
            {"role":"user","parts":[{"functionResponse":{"id":"i","name":"f","response":{"result":{"k":"v"}}}}]}],"labels":{"team":"a"},"cachedContent":"cachedContents/1",
            "tools":[{"functionDeclarations":[{"name":"f","description":"does","parameters":{"type":"OBJECT","properties":{"a":{"type":"STRING","description":"an a"}}},"parametersJsonSchema":{"title":"t"}}]}],
            "generationConfig":{"stopSequences":["END"],"responseMimeType":"application/json","responseSchema":{"type":"OBJECT","description":"d"},"speechConfig":{"voiceConfig":{"prebuiltVoiceConfig":{"voiceName":"Kore"}}}},
            "safetySettings":[{"category":"HARM","threshold":"NONE"}]}"#,
    },
    Shape {
        name: "gemini request in snake case",
        body: r#"{"system_instruction":{"parts":{"text":"be kind"}},"contents":{"parts":[{"inline_data":{"data":"aGVsbG8","mime_type":"audio/wav"}},{"function_call":{"name":"f","args":{"a":"b"}}},{"function_response":{"name":"f","response":{"a":"b"}}},{"thought_signature":"short"}]}}"#,
    },
    Shape {
        name: "gemini answer",
        body: r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"hi"},{"functionCall":{"name":"f","args":{"a":"b"}}}]},"finishReason":"STOP","citationMetadata":{"citationSources":[{"uri":"https://x.example"}]},
            "groundingMetadata":{"webSearchQueries":["q"],"groundingChunks":[{"web":{"uri":"u","title":"t"}}]}}],"modelVersion":"v","promptFeedback":{"blockReason":"SAFETY"}}"#,
    },
    Shape {
        name: "converse request",
        body: r#"{"system":[{"text":"be kind"}],"messages":[{"role":"user","content":[{"text":"hello"},{"image":{"format":"png","source":{"bytes":"aGVsbG8"}}},{"document":{"format":"txt","name":"n","source":{"text":"doc"},"context":"c"}},
            {"guardContent":{"text":{"text":"guarded"}}}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"f","input":{"a":"b"}}},{"reasoningContent":{"reasoningText":{"text":"hm","signature":"short"}}},{"reasoningContent":{"redactedContent":"short"}}]},
            {"role":"user","content":[{"toolResult":{"toolUseId":"t1","status":"success","content":[{"json":{"a":{"b":"c"}}},{"text":"r"}]}}]}],"toolConfig":{"tools":[{"toolSpec":{"name":"f","description":"does","inputSchema":{"json":{"type":"object","properties":{"a":{"type":"string"}}}}}}]},
            "inferenceConfig":{"stopSequences":["END"]},"requestMetadata":{"k":"v"},"promptVariables":{"p":{"text":"v"}},"additionalModelRequestFields":{"x":"y"},"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{}","name":"n"}}}}}"#,
    },
    Shape {
        name: "converse answer",
        body: r#"{"output":{"message":{"role":"assistant","content":[{"text":"hi"},{"toolUse":{"toolUseId":"t","name":"f","input":{"a":"b"}}},{"citationsContent":{"content":[{"text":"c"}],"citations":[{"title":"t","sourceContent":[{"text":"s"}]}]}}]}},"stopReason":"end_turn","metrics":{"latencyMs":12345678}}"#,
    },
    Shape { name: "embeddings", body: r#"{"model":"m","input":["one","two"],"encoding_format":"base64","user":"u","input_type":"query"}"# },
    Shape { name: "embeddings of a string", body: r#"{"model":"m","input":"one"}"# },
    Shape {
        name: "embeddings answer",
        body: r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"c2hvcnQ"},{"object":"embedding","embedding":[0.1234567]}],"model":"m"}"#,
    },
    Shape {
        name: "gemini embeddings",
        body: r#"{"requests":[{"model":"models/m","content":{"parts":[{"text":"t"}]},"taskType":"RETRIEVAL_QUERY","title":"t"}]}"#,
    },
    Shape { name: "titan and cohere", body: r#"{"inputText":"one","texts":["two"],"input_type":"search_query","images":["aGVsbG8"]}"# },
    Shape { name: "completions", body: r#"{"model":"m","prompt":["one","two"],"suffix":"s","stop":"END","user":"u"}"# },
    Shape {
        name: "completions of a string",
        body: r#"{"model":"m","prompt":"one","choices":[{"text":"t","finish_reason":"length","logprobs":{"tokens":["a"],"top_logprobs":[{"b":-1}]}}]}"#,
    },
    Shape {
        name: "moderations",
        body: r#"{"model":"m","input":[{"type":"text","text":"one"},{"type":"image_url","image_url":{"url":"https://x.example/a.png"}},"bare"]}"#,
    },
    Shape {
        name: "rerank",
        body: r#"{"model":"m","query":"q","documents":["one",{"text":"two","title":"t"}],"results":[{"index":0,"document":{"text":"one"}}]}"#,
    },
    Shape { name: "speech", body: r#"{"model":"m","input":"read this","instructions":"slowly","voice":"alloy","response_format":"mp3"}"# },
    Shape {
        name: "transcription answer",
        body: r#"{"text":"heard","language":"en","segments":[{"id":0,"text":"heard"}],"words":[{"word":"heard","start":0.1}]}"#,
    },
    Shape {
        name: "images",
        body: r#"{"model":"m","prompt":"a cat","user":"u","size":"1024x1024","data":[{"b64_json":"short","url":"https://x.example/a.png","revised_prompt":"a fine cat"}]}"#,
    },
    Shape {
        name: "count of tokens and errors",
        body: r#"{"type":"error","error":{"type":"invalid_request_error","message":"bad","param":"p","code":"c"},"request_id":"r","input_tokens":1}"#,
    },
    Shape { name: "unknown", body: r#"[{"anything":[[["at",{"all":"!"}]]]},"text"]"# },
];
