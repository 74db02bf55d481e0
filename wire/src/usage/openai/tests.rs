use super::*;

fn usage(fields: [u64; 6]) -> Option<Usage> {
    let [input_uncached, cache_read, cache_write_5m, cache_write_1h, output, reasoning] = fields;
    Some(Usage { input_uncached, cache_read, cache_write_5m, cache_write_1h, output, reasoning, ..Usage::default() })
}

#[test]
fn every_shape_comes_to_the_same_vector() {
    let check = |raw: &str, expect: [u64; 6]| assert_eq!(read(raw.as_bytes()).usage, usage(expect), "{raw}");
    check(r#"{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25}"#, [20, 0, 0, 0, 5, 0]);
    check(
        r#"{"prompt_tokens":20,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":8,"cache_write_tokens":3},"completion_tokens_details":{"reasoning_tokens":2}}"#,
        [9, 8, 3, 0, 5, 2],
    );
    check(r#"{"prompt_tokens":20,"completion_tokens":5,"prompt_cache_hit_tokens":8,"prompt_cache_miss_tokens":12}"#, [12, 8, 0, 0, 5, 0]);
    check(r#"{"prompt_tokens":20,"completion_tokens":5,"cached_tokens":8,"prompt_tokens_details":null}"#, [12, 8, 0, 0, 5, 0]);
    check(
        r#"{"prompt_tokens":20,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4,"cache_creation_input_tokens":6,"cache_type":"x"}}"#,
        [10, 4, 6, 0, 5, 0],
    );
    check(
        r#"{"prompt_tokens":12,"completion_tokens":1,"total_tokens":303,"completion_tokens_details":{"reasoning_tokens":290}}"#,
        [12, 0, 0, 0, 291, 290],
    );
    check(
        r#"{"prompt_tokens":12,"completion_tokens":291,"total_tokens":303,"completion_tokens_details":{"reasoning_tokens":290}}"#,
        [12, 0, 0, 0, 291, 290],
    );
    check(
        r#"{"input_tokens":30,"input_tokens_details":{"cached_tokens":10,"cache_write_tokens":5,"cache_write_tokens_details":{"ttl_30m_tokens":2,"ttl_12h_tokens":3}},"output_tokens":7,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":37}"#,
        [15, 10, 2, 3, 7, 4],
    );
    check(r#"{"prompt_tokens":9,"total_tokens":9}"#, [9, 0, 0, 0, 0, 0]);
    check(r#"{"total_tokens":9}"#, [9, 0, 0, 0, 0, 0]);
    check(r#"{"prompt_tokens":5.0,"completion_tokens":null,"queue_time":0.12}"#, [5, 0, 0, 0, 0, 0]);
}

#[test]
fn units_beside_tokens() {
    let rerank = read(br#"{"api_version":{"version":"2"},"billed_units":{"search_units":1}}"#).usage.unwrap();
    assert_eq!((rerank.searches, rerank.total()), (1, 0));
    let search = read(br#"{"prompt_tokens":1,"completion_tokens":1,"num_search_queries":3}"#).usage.unwrap();
    assert_eq!(search.searches, 3);
    let sound = read(br#"{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":4,"audio_tokens":10},"output_tokens":3,"total_tokens":17}"#).usage.unwrap();
    assert_eq!((sound.input_uncached, sound.input_audio, sound.output), (14, 10, 3));
    let length = read(br#"{"type":"duration","seconds":9}"#);
    assert_eq!((length.usage, length.audio_ms), (None, Some(9000)));
}

#[test]
fn nonsense_is_marked_and_not_believed() {
    for raw in [
        r#"{"prompt_tokens":-5,"completion_tokens":1}"#,
        r#"{"prompt_tokens":1.5}"#,
        r#"{"prompt_tokens":"9"}"#,
        r#"{"prompt_tokens":100000001}"#,
    ] {
        assert_eq!(read(raw.as_bytes()), Reading { usage: None, absurd: true, audio_ms: None }, "{raw}");
    }
    assert_eq!(read(b"{}"), Reading::default());
    assert_eq!(read(b"nonsense"), Reading::default());
}
