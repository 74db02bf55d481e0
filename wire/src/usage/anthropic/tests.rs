use super::*;

#[test]
fn a_whole_message() {
    let raw = br#"{"input_tokens":10,"cache_read_input_tokens":20,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":12,"ephemeral_1h_input_tokens":18},"output_tokens":5,"output_tokens_details":{"thinking_tokens":2},"server_tool_use":{"web_search_requests":1}}"#;
    let expect = Usage {
        input_uncached: 10,
        cache_read: 20,
        cache_write_5m: 12,
        cache_write_1h: 18,
        output: 5,
        reasoning: 2,
        searches: 1,
        ..Usage::default()
    };
    assert_eq!(read(raw).usage, Some(expect));
}

#[test]
fn a_split_that_does_not_add_up_is_not_used() {
    let raw = br#"{"input_tokens":1,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":18}}"#;
    let usage = read(raw).usage.unwrap();
    assert_eq!((usage.cache_write_5m, usage.cache_write_1h), (30, 0));
}

#[test]
fn the_delta_overrides_what_it_names() {
    let mut account = Account::default();
    account.restart(br#"{"input_tokens":43,"cache_read_input_tokens":7,"output_tokens":1}"#);
    account.update(br#"{"input_tokens":61,"cache_read_input_tokens":null,"output_tokens":9}"#);
    let usage = account.reading().usage.unwrap();
    assert_eq!((usage.input_uncached, usage.cache_read, usage.output), (61, 7, 9));
    account.restart(br#"{"input_tokens":5,"output_tokens":1}"#);
    assert_eq!(account.reading().usage.unwrap().cache_read, 0);
}

#[test]
fn iterations_count_compaction_but_no_advisor() {
    let raw = br#"{"input_tokens":20,"output_tokens":8,"iterations":[{"input_tokens":500,"output_tokens":12,"type":"compaction"},{"type":"message","input_tokens":20,"output_tokens":8},{"type":"advisor_message","input_tokens":99,"output_tokens":99}]}"#;
    let usage = read(raw).usage.unwrap();
    assert_eq!((usage.input_uncached, usage.output), (520, 20));
    let raw = br#"{"input_tokens":20,"output_tokens":8,"iterations":[{"input_tokens":500,"output_tokens":12,"type":"message"},{"input_tokens":20,"output_tokens":8,"type":"fallback_message"}]}"#;
    let usage = read(raw).usage.unwrap();
    assert_eq!((usage.input_uncached, usage.output), (20, 8));
}
