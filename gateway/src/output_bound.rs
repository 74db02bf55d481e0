//! How much a call may generate: what the client asked for, and how a smaller bound is written into its body.
//!
//! A budget is only as good as the bound it reserves. So only fields that the operation has count: a vendor ignores
//! `max_output_tokens` in a chat, and a client that sets it to 1 beside a `max_tokens` of 100,000 has bounded nothing.
//! Never done here: how much may be afforded; that is `admission.rs`.

use fluxa_domain::dialect::Op;
use fluxa_domain::vendors::MaxTokensField;
use fluxa_wire::body::edit::{self, Edit};
use fluxa_wire::body::fields::{MaxField, Outline};

/// The fields that bound the output of an operation, whichever of them the vendor obeys.
const fn fields(op: Op) -> &'static [MaxField] {
    match op {
        Op::Chat => &[MaxField::Tokens, MaxField::CompletionTokens],
        Op::Completions | Op::Messages => &[MaxField::Tokens],
        Op::Responses => &[MaxField::OutputTokens],
        _ => &[],
    }
}

/// The bounds of the operation that the body names with a value; `null` is the same as no field.
fn named(op: Op, outline: &Outline) -> impl Iterator<Item = (MaxField, u64)> {
    fields(op).iter().filter_map(|&field| Some((field, outline.max.get(field)?.value?)))
}

/// The client's own bound of one answer in tokens: the largest of them, because who obeys which is the vendor's affair.
pub(crate) fn asked(op: Op, outline: &Outline) -> Option<u64> {
    if op == Op::GenerateContent {
        return outline.generation.as_ref()?.max.as_ref()?.value;
    }
    named(op, outline).map(|(_, tokens)| tokens).max()
}

/// The edits that bound one answer by `cap` tokens: every bound above it is lowered; where the body has none, the vendor's own is set.
pub(crate) fn cap(op: Op, outline: &Outline, vendors: MaxTokensField, cap: u64) -> Vec<Edit> {
    if op == Op::GenerateContent {
        return edit::set_generation_max(outline, cap).into_iter().collect();
    }
    if named(op, outline).next().is_some() {
        return named(op, outline).filter_map(|(field, _)| edit::set_max(outline, field, cap)).collect();
    }
    let own = match vendors {
        MaxTokensField::MaxCompletionTokens => MaxField::CompletionTokens,
        MaxTokensField::MaxOutputTokens => MaxField::OutputTokens,
        MaxTokensField::MaxTokens | MaxTokensField::GenerationConfig | MaxTokensField::InferenceConfig => MaxField::Tokens,
    };
    edit::set_max(outline, own, cap).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn outline(body: &str) -> Outline {
        fluxa_wire::body::outline::outline(body.as_bytes()).unwrap()
    }

    #[test]
    fn only_fields_that_the_operation_has_bound_it() {
        let check = |op, body, expect| assert_eq!(asked(op, &outline(body)), expect, "{op:?} {body}");
        check(Op::Chat, r#"{"max_tokens":9,"max_completion_tokens":7}"#, Some(9));
        check(Op::Chat, r#"{"max_tokens":null,"max_completion_tokens":7}"#, Some(7));
        check(Op::Chat, r#"{"max_output_tokens":1,"max_tokens_to_sample":1}"#, None);
        check(Op::Chat, r#"{"max_tokens":null}"#, None);
        check(Op::Completions, r#"{"max_completion_tokens":1}"#, None);
        check(Op::Completions, r#"{"max_tokens":5}"#, Some(5));
        check(Op::Responses, r#"{"max_tokens":1,"max_completion_tokens":1}"#, None);
        check(Op::Responses, r#"{"max_tokens":1,"max_output_tokens":80}"#, Some(80));
        check(Op::Messages, r#"{"max_tokens":3,"max_tokens_to_sample":1}"#, Some(3));
        check(Op::Embeddings, r#"{"max_tokens":3}"#, None);
    }

    #[test]
    fn a_cap_leaves_no_bound_above_it() {
        let check = |op, vendors, body: &str, expect: &str| {
            let edits = cap(op, &outline(body), vendors, 100);
            let edited = edit::apply(&Bytes::copy_from_slice(body.as_bytes()), edits).unwrap();
            assert_eq!(std::str::from_utf8(&edited).unwrap(), expect);
            assert!(asked(op, &outline(expect)).is_some_and(|tokens| tokens <= 100));
        };
        let own = MaxTokensField::MaxTokens;
        check(Op::Chat, own, r#"{"max_tokens":900,"max_completion_tokens":800}"#, r#"{"max_tokens":100,"max_completion_tokens":100}"#);
        check(Op::Chat, own, r#"{"max_tokens":9,"max_completion_tokens":800}"#, r#"{"max_tokens":9,"max_completion_tokens":100}"#);
        check(Op::Chat, own, r#"{"max_tokens":null,"max_completion_tokens":800}"#, r#"{"max_tokens":null,"max_completion_tokens":100}"#);
        // The first field found was lowered once, though the vendor reads none of it.
        check(Op::Chat, own, r#"{"max_output_tokens":1}"#, r#"{"max_tokens":100,"max_output_tokens":1}"#);
        check(Op::Chat, own, r#"{"max_tokens":null}"#, r#"{"max_tokens":100}"#);
        check(
            Op::Chat,
            MaxTokensField::MaxCompletionTokens,
            r#"{"max_tokens":null}"#,
            r#"{"max_completion_tokens":100,"max_tokens":null}"#,
        );
        check(Op::Responses, MaxTokensField::MaxOutputTokens, r#"{"max_tokens":1}"#, r#"{"max_output_tokens":100,"max_tokens":1}"#);
        check(Op::Messages, own, "{}", r#"{"max_tokens":100}"#);
        let gemini = |body, expect| check(Op::GenerateContent, MaxTokensField::GenerationConfig, body, expect);
        gemini("{}", r#"{"generationConfig":{"maxOutputTokens":100}}"#);
        gemini(r#"{"contents":[]}"#, r#"{"generationConfig":{"maxOutputTokens":100},"contents":[]}"#);
        gemini(r#"{"generationConfig":{}}"#, r#"{"generationConfig":{"maxOutputTokens":100}}"#);
        gemini(r#"{"generationConfig":null}"#, r#"{"generationConfig":{"maxOutputTokens":100}}"#);
        gemini(r#"{"generation_config":{"topK":1}}"#, r#"{"generation_config":{"maxOutputTokens":100,"topK":1}}"#);
        gemini(r#"{"generationConfig":{"maxOutputTokens":900}}"#, r#"{"generationConfig":{"maxOutputTokens":100}}"#);
        gemini(r#"{"generationConfig":{"maxOutputTokens":9}}"#, r#"{"generationConfig":{"maxOutputTokens":9}}"#);
    }
}
