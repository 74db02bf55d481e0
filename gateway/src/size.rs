//! How large a call is before it is made: what is likely, what cannot be exceeded, and what a report of it can never say.
//!
//! Pure: from the outline of the body to numbers. Never done here: prices and limits; see `admission.rs`.

use fluxa_domain::dialect::Op;
use fluxa_domain::estimate::{TextCount, bound_tokens, bound_tokens_with_digits, likely_tokens};
use fluxa_wire::body::fields::Outline;

use crate::output_bound;

/// Output tokens that a call is taken to produce in `balanced` mode and for token rate limits, unless it asks for fewer.
pub(crate) const LIKELY_OUTPUT: u64 = 512;
/// Tokens of one image, sound or file at least: a large image in high detail on most models.
const MEDIA_TOKENS: u64 = 4_096;
/// Bytes of base64 that an image has for each token, on models that count an image by many small tiles.
const IMAGE_BYTES_PER_TOKEN: u64 = 64;
/// The same for documents and sound. A document is taken to be as dense as text (2 bytes a token, as in [`bound_tokens`]);
/// compressed text may be denser, which only the model's context bounds. Sound has ten times fewer tokens a byte.
const DOCUMENT_BYTES_PER_TOKEN: u64 = 2;
/// The context of a model whose own is not known: what a conversation kept by the vendor, or a file named by its id, may hold.
const UNKNOWN_CONTEXT: u64 = 128_000;
/// A report of input beyond this times what the body can hold is absurd: tokenizers differ by two or three.
const ABSURD_FACTOR: u64 = 8;
/// And beyond this, which a vendor's own prompts never reach.
const ABSURD_INPUT_SLACK: u64 = 65_536;
/// No report of input below this is called absurd: recorded answers of vendors that run tools by themselves come near it for a
/// prompt of a few words, and what a vendor bills must be what the row says.
const LEAST_ABSURD_INPUT: u64 = 1_000_000;
/// Reasoning that some vendors count beside the output that was asked for.
const ABSURD_OUTPUT_SLACK: u64 = 16_384;
/// No report of output below this is called absurd.
const LEAST_ABSURD_OUTPUT: u64 = 1_000_000;

/// The size of a call, as far as it is known before it is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Prompt tokens that are likely.
    pub(crate) input_likely: u64,
    /// Tokens that the text of the body cannot exceed.
    text_most: u64,
    /// Tokens that the media in the body are taken not to exceed.
    media_most: u64,
    /// A part of the prompt is not in the body: an earlier answer, a conversation, a file named by its id.
    outside: bool,
    /// A vendor may add to the prompt: tools that it runs itself, media, what is outside.
    open_ended: bool,
    /// The client's own bound of the output, in tokens.
    pub(crate) asked_output: Option<u64>,
    /// Answers asked for (`n`).
    pub(crate) answers: u64,
    /// Images asked for.
    pub(crate) images: u64,
    /// The answer comes later, elsewhere, unmetered.
    pub(crate) background: bool,
}

impl Size {
    /// The size of a call whose `body` has this outline. `exact` looks at the digits too, for a bound that must hold.
    pub(crate) fn of(op: Op, outline: &Outline, body: &[u8], exact: bool) -> Self {
        let count = TextCount { ascii_bytes: outline.text.ascii_bytes, non_ascii_chars: outline.text.non_ascii_chars };
        let items = u64::from(outline.media).saturating_mul(MEDIA_TOKENS);
        let bytes_per_token = if outline.documents > 0 { DOCUMENT_BYTES_PER_TOKEN } else { IMAGE_BYTES_PER_TOKEN };
        let messages = u64::from(outline.messages).saturating_add(u64::from(outline.tools));
        let candidates = outline.generation.as_ref().and_then(|config| config.answers);
        // The largest of them: a client's dialect has one, but its body may hold the others as well.
        let answers = [outline.n, candidates, outline.best_of].into_iter().flatten().max().unwrap_or(1).max(1);
        let text_most = if exact { bound_tokens_with_digits(count, digits(body), messages) } else { bound_tokens(count, messages) };
        // A named image is as large as an inlined one; a named document may be anything.
        let by_address = outline.media > outline.inlined;
        // In other dialects `file_uri` is no part of a prompt, but may be an argument of a tool.
        let names_files = matches!(op, Op::GenerateContent | Op::CountTokens) && outline.file_uris > 0;
        let outside = outline.previous_response || names_files || by_address && (outline.documents > 0 || outline.films > 0);
        Self {
            input_likely: likely_tokens(count).saturating_add(outline.token_ids).saturating_add(items / 4),
            text_most: text_most.saturating_add(outline.token_ids),
            media_most: items.max(outline.media_bytes / bytes_per_token),
            outside,
            open_ended: outside || outline.media > 0 || outline.tools > 0 || op == Op::Other,
            asked_output: if op.generates_text() { output_bound::asked(op, outline) } else { Some(0) },
            answers,
            images: if op == Op::Images { answers } else { 0 },
            background: outline.background == Some(true),
        }
    }

    /// Tokens of an answer that is taken to be of the usual length.
    pub(crate) fn output_likely(&self) -> u64 {
        self.asked_output.unwrap_or(LIKELY_OUTPUT).min(LIKELY_OUTPUT).saturating_mul(self.answers)
    }

    /// Prompt tokens that cannot be exceeded at a model of this context.
    pub(crate) fn input_most(&self, context: Option<u64>) -> u64 {
        let context = context.unwrap_or(UNKNOWN_CONTEXT);
        let most = self.text_most.saturating_add(self.media_most.min(context));
        if self.outside { most.max(context) } else { most }
    }

    /// A report of more prompt tokens than this cannot be true; nothing where a vendor may add to the prompt.
    pub(crate) fn absurd_input(&self) -> Option<u64> {
        let most = self.text_most.saturating_mul(ABSURD_FACTOR).saturating_add(ABSURD_INPUT_SLACK);
        (!self.open_ended).then_some(most.max(LEAST_ABSURD_INPUT))
    }

    /// A report of more generated tokens than this cannot be true; nothing where the client named no bound.
    pub(crate) fn absurd_output(&self) -> Option<u64> {
        let asked = self.asked_output.filter(|&asked| asked > 0)?;
        let most = asked.saturating_mul(self.answers).saturating_mul(2).saturating_add(ABSURD_OUTPUT_SLACK);
        Some(most.max(LEAST_ABSURD_OUTPUT))
    }
}

/// Digits of the whole body: never fewer than its text has, in vector code. Only for bounds that must hold, as it is one more pass.
fn digits(body: &[u8]) -> u64 {
    // Blocks of at most 255 bytes keep the inner counter in one byte.
    body.chunks(255).map(|block| u64::from(block.iter().fold(0_u8, |n, b| n + u8::from(b.is_ascii_digit())))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(op: Op, body: &str) -> Size {
        Size::of(op, &fluxa_wire::body::outline::outline(body.as_bytes()).unwrap(), body.as_bytes(), true)
    }

    #[test]
    fn digits_count_one_by_one() {
        assert_eq!(digits(&b"a1".repeat(1_000)), 1_000);
        assert_eq!(digits(b""), 0);
        let text = |text: &str| size(Op::Chat, &format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}]}}"#)).input_most(None);
        let (prose, numbers) = (text(&"a ".repeat(500)), text(&"12".repeat(500)));
        assert!(numbers >= 1_000 && prose < 600, "{numbers} {prose}");
    }

    #[test]
    fn what_the_body_does_not_hold_is_bounded_by_the_context() {
        let most = |body| size(Op::Responses, body).input_most(Some(200_000));
        assert!(most(r#"{"input":"hi"}"#) < 100);
        assert_eq!(most(r#"{"input":"hi","previous_response_id":"r"}"#), 200_000);
        assert_eq!(most(r#"{"input":"hi","conversation":{"id":"c"}}"#), 200_000);
        assert_eq!(most(r#"{"input":[{"content":[{"type":"input_file","file_id":"f"}]}]}"#), 200_000);
        assert!(most(r#"{"input":[{"content":[{"type":"input_image","image_url":"https://a.example/b"}]}]}"#) < 5_000);
        assert_eq!(size(Op::Responses, r#"{"previous_response_id":"r"}"#).input_most(None), UNKNOWN_CONTEXT);
    }

    #[test]
    fn files_and_films_that_a_vendor_reads_itself_are_bounded_by_the_context() {
        let gemini = |part: &str| size(Op::GenerateContent, &format!(r#"{{"contents":[{{"parts":[{part}]}}]}}"#));
        for part in [
            r#"{"fileData":{"fileUri":"https://www.youtube.com/watch?v=x"}}"#,
            r#"{"file_data":{"file_uri":"https://a.example/b.mp4","mime_type":"video/mp4"}}"#,
            r#"{"fileData":{"file\u0055ri":"x"}}"#,
        ] {
            assert_eq!(gemini(part).input_most(Some(1_000_000)), 1_000_000, "{part}");
            assert_eq!(gemini(part).absurd_input(), None, "{part}");
        }
        assert!(gemini(r#"{"text":"see https://www.youtube.com/watch?v=x"}"#).input_most(Some(1_000_000)) < 100);
        let chat = |url: &str| {
            let body = format!(r#"{{"messages":[{{"content":[{{"type":"image_url","image_url":{{"url":"{url}"}}}}]}}]}}"#);
            size(Op::Chat, &body).input_most(Some(1_000_000))
        };
        assert_eq!(chat("https://youtu.be/x"), 1_000_000);
        assert_eq!(chat("gs://bucket/film.mp4"), 1_000_000);
        assert!(chat("https://a.example/b.png") < 5_000);
        let tool = r#"{"messages":[{"content":[{"type":"tool_use","input":{"url":"https://youtu.be/x","file_uri":"y"}}]}]}"#;
        assert!(size(Op::Messages, tool).input_most(Some(1_000_000)) < 100);
    }

    #[test]
    fn every_count_of_answers_bounds_the_output() {
        let answers = |body| size(Op::GenerateContent, body).answers;
        assert_eq!(answers(r#"{"contents":[]}"#), 1);
        assert_eq!(answers(r#"{"generationConfig":{"candidateCount":8}}"#), 8);
        assert_eq!(answers(r#"{"n":1,"generationConfig":{"candidateCount":8}}"#), 8);
        assert_eq!(answers(r#"{"generationConfig":{"candidateCount":8,"candidate_count":1}}"#), 8);
        assert_eq!(answers(r#"{"generationConfig":{"candidateCount":8,"candidate_count":null}}"#), 8);
        assert_eq!(size(Op::Completions, r#"{"n":2,"best_of":5}"#).answers, 5);
    }

    #[test]
    fn media_in_the_body_count_by_the_item_and_by_the_byte() {
        let most = |kind: &str, key: &str, bytes: usize| {
            let body = format!(r#"{{"messages":[{{"content":[{{"type":"{kind}","x":{{"{key}":"{}"}}}}]}}]}}"#, "QUJD".repeat(bytes / 4));
            size(Op::Chat, &body).input_most(Some(128_000))
        };
        assert!((4_096..4_300).contains(&most("image_url", "url", 8_000)));
        assert!((10_000..10_300).contains(&most("image_url", "url", 640_000)));
        assert!((20_000..20_300).contains(&most("file", "file_data", 40_000)));
        assert!((128_000..128_300).contains(&most("file", "file_data", 4_000_000)));
    }

    #[test]
    fn only_reports_that_nothing_can_explain_are_absurd() {
        let hi = size(Op::Chat, r#"{"messages":[{"role":"user","content":"hi"}],"max_tokens":10}"#);
        assert_eq!((hi.absurd_input(), hi.absurd_output()), (Some(1_000_000), Some(1_000_000)));
        let long = size(Op::Chat, &format!(r#"{{"messages":[{{"content":"{}"}}],"max_tokens":900000}}"#, "a ".repeat(150_000)));
        assert!(long.absurd_input().is_some_and(|most| most > 1_200_000));
        assert_eq!(long.absurd_output(), Some(1_816_384));
        for open in [
            r#"{"tools":[{"type":"web_search"}]}"#,
            r#"{"previous_response_id":"r"}"#,
            r#"{"input":[{"type":"input_image","image_url":"u"}]}"#,
        ] {
            assert_eq!(size(Op::Responses, open).absurd_input(), None, "{open}");
        }
        assert_eq!(size(Op::Embeddings, r#"{"input":"x"}"#).absurd_output(), None);
    }
}
