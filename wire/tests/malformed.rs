//! What a vendor threw away must not look like the model's last word.

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use fluxa_domain::dialect::{Dialect, Op};
    use fluxa_wire::answer;
    use fluxa_wire::client::{self, ClientDialect, Voice};
    use fluxa_wire::translate::{self, Cut, Translation};
    use fluxa_wire::upstream::{Said, gemini::Gemini};

    const EMPTY: &str = r#"{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL","index":0}],"usageMetadata":{"promptTokenCount":7,"totalTokenCount":7}}"#;
    const WORDS: &str = r#"{"candidates":[{"content":{"parts":[{"text":"so"}]},"finishReason":"MALFORMED_FUNCTION_CALL","index":0}],"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":1,"totalTokenCount":8}}"#;

    fn streamed(body: &str, client: &dyn ClientDialect) -> String {
        let mut stream =
            Translation::new((Dialect::Gemini, Op::GenerateContent), Cut::Sse, &Gemini, &Said::default(), client, Voice::default());
        let mut out = BytesMut::new();
        stream.push(format!("data: {body}\r\n\r\n").as_bytes(), &mut out).unwrap();
        stream.finish(&mut out);
        assert!(!stream.is_cut());
        String::from_utf8(out.to_vec()).unwrap()
    }

    fn whole(body: &str, client: &dyn ClientDialect) -> Option<String> {
        let facts = answer::answer(Dialect::Gemini, Op::GenerateContent, body.as_bytes()).unwrap();
        let written = translate::whole(&Gemini, &Said::default(), body.as_bytes(), &facts, client, &Voice::default());
        written.ok().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn an_answer_of_nothing_is_an_error() {
        let clients: [(&dyn ClientDialect, &str, &str); 2] =
            [(&client::chat::OpenAiChat, "\"error\"", "[DONE]"), (&client::anthropic::Anthropic, "event: error", "message_stop")];
        for (client, error, end) in clients {
            let said = streamed(EMPTY, client);
            assert!(said.contains(error) && !said.contains(end), "{said}");
            assert_eq!(whole(EMPTY, client), None);
            let said = streamed(WORDS, client);
            assert!(!said.contains(error) && said.contains(end), "{said}");
            assert!(whole(WORDS, client).is_some_and(|said| said.contains("\"so\"")));
        }
    }

    #[test]
    fn who_has_a_word_for_it_hears_it() {
        assert!(streamed(EMPTY, &client::gemini::Gemini).contains("MALFORMED_FUNCTION_CALL"));
        assert!(streamed(EMPTY, &client::responses::OpenAiResponses).contains("event: response.failed"));
        assert!(whole(EMPTY, &client::responses::OpenAiResponses).is_some_and(|said| said.contains("\"failed\"")));
    }
}
