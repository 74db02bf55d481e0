//! Conversations and answers go through every dialect and come back as they were.
//!
//! What may differ is said in `round_trips/view.rs`: neighbours of one role are one turn, in a turn thoughts stand before words
//! and words before calls, ids may be fitted as long as each result still answers its call, and thoughts go to their vendor only.

#[cfg(test)]
mod round_trips {
    mod answers;
    mod chats;
    mod converse;
    mod requests;
    mod view;

    use fluxa_domain::vendors::{MaxTokensField, Quirk};
    use fluxa_wire::client::{Asked, ClientDialect};
    use fluxa_wire::neutral::{Chat, Origin};
    use fluxa_wire::upstream::{Target, UpstreamDialect};
    use proptest::prelude::*;
    use serde_json::Value;

    use view::{Keeps, View};

    pub(super) static CLIENTS: [&dyn ClientDialect; 4] = [
        &fluxa_wire::client::chat::OpenAiChat,
        &fluxa_wire::client::responses::OpenAiResponses,
        &fluxa_wire::client::anthropic::Anthropic,
        &fluxa_wire::client::gemini::Gemini,
    ];

    /// A vendor's dialect and the reader that takes its requests back.
    struct Upstream {
        dialect: &'static dyn UpstreamDialect,
        model: &'static str,
        quirks: &'static [Quirk],
        origin: Origin,
        back: fn(&[u8]) -> Chat,
        /// Tools may fail there.
        errors: bool,
    }

    static UPSTREAMS: [Upstream; 6] = [
        Upstream {
            dialect: &fluxa_wire::upstream::openai::OpenAi,
            model: "gpt-4.1",
            quirks: &[Quirk::WholeDialect],
            origin: Origin::OpenAi,
            back: |body| heard(0, body),
            errors: false,
        },
        Upstream {
            dialect: &fluxa_wire::upstream::openai::OpenAi,
            model: "open-model",
            quirks: &[],
            origin: Origin::OpenAi,
            back: |body| heard(0, body),
            errors: false,
        },
        Upstream {
            dialect: &fluxa_wire::upstream::anthropic::Anthropic,
            model: "claude-opus-4-6",
            quirks: &[],
            origin: Origin::Anthropic,
            back: |body| heard(2, body),
            errors: true,
        },
        Upstream {
            dialect: &fluxa_wire::upstream::gemini::Gemini,
            model: "gemini-3-pro-preview",
            quirks: &[],
            origin: Origin::Gemini,
            back: |body| heard(3, body),
            errors: true,
        },
        Upstream {
            dialect: &fluxa_wire::upstream::gemini::Gemini,
            model: "gemini-2.5-flash",
            quirks: &[],
            origin: Origin::Gemini,
            back: |body| heard(3, body),
            errors: true,
        },
        Upstream {
            dialect: &fluxa_wire::upstream::bedrock::Bedrock,
            model: "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            quirks: &[],
            origin: Origin::Anthropic,
            back: |body| converse::read(&serde_json::from_slice(body).unwrap()),
            errors: true,
        },
    ];

    fn heard(client: usize, body: &[u8]) -> Chat {
        CLIENTS[client].read(Asked { body, model: "m", stream: false }).unwrap().chat
    }

    fn written(upstream: &Upstream, chat: &Chat) -> Result<Vec<u8>, TestCaseError> {
        let target = Target {
            model: upstream.model,
            quirks: upstream.quirks,
            max_tokens_field: MaxTokensField::MaxTokens,
            max_output: None,
            ask_usage: false,
        };
        let written = upstream.dialect.write(chat, &target).map_err(|error| TestCaseError::fail(error.to_string()))?;
        Ok(written.body.to_vec())
    }

    /// A conversation goes to a vendor and is read again.
    fn check_upstream(upstream: &Upstream, chat: &Chat, errors: bool) -> Result<(), TestCaseError> {
        let body = written(upstream, chat)?;
        let keeps =
            Keeps { thoughts_of: Some(upstream.origin).filter(|origin| *origin != Origin::OpenAi), errors: errors && upstream.errors };
        prop_assert_eq!(View::of(&(upstream.back)(&body), keeps), View::of(chat, keeps), "{}", upstream.model);
        let text = String::from_utf8(body).unwrap();
        for mark in view::marks(chat).iter().filter(|mark| mark.origin != upstream.origin) {
            prop_assert!(!text.contains(&mark.value), "{} was told {:?}", upstream.model, mark);
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

        #[test]
        fn a_conversation_comes_back_from_every_vendor(chat in chats::chats()) {
            for upstream in &UPSTREAMS {
                let urls = upstream.model.starts_with("us.");
                let chat = if urls { chats::without_addresses(chat.clone()) } else { chat.clone() };
                check_upstream(upstream, &chat, true)?;
            }
        }

        #[test]
        fn a_request_of_every_client_reaches_every_vendor(chat in chats::chats()) {
            let chat = chats::without_addresses(chat);
            for (client, write) in requests::WRITERS.iter().enumerate() {
                let body = write(&chat).to_string();
                let read = heard(client, body.as_bytes());
                let all = [Origin::Anthropic, Origin::Gemini];
                let errors = client >= 2;
                for origin in all {
                    let keeps = Keeps { thoughts_of: Some(origin), errors };
                    prop_assert_eq!(View::of(&read, keeps), View::of(&chat, keeps), "client {} {}", client, body);
                }
                for upstream in &UPSTREAMS {
                    // What the client said, not what was understood of it.
                    check_upstream(upstream, &read, errors)?;
                    let keeps = Keeps { thoughts_of: Some(upstream.origin).filter(|of| *of != Origin::OpenAi), errors: errors && upstream.errors };
                    let back = (upstream.back)(&written(upstream, &read)?);
                    prop_assert_eq!(View::of(&back, keeps), View::of(&chat, keeps), "client {} to {}", client, upstream.model);
                }
            }
        }

        #[test]
        fn settings_come_back_from_the_same_dialect(settings in chats::settings()) {
            for upstream in UPSTREAMS.iter().filter(|upstream| !matches!(upstream.model, "open-model" | "gemini-2.5-flash")) {
                let back = (upstream.back)(&written(upstream, &settings)?);
                let tools = |chat: &Chat| -> Vec<Value> { chat.tools.iter().map(view::tool).collect() };
                prop_assert_eq!(tools(&back), tools(&settings), "{}", upstream.model);
                prop_assert_eq!(&back.tool_choice, &settings.tool_choice, "{}", upstream.model);
                prop_assert_eq!(back.max_output, settings.max_output, "{}", upstream.model);
                prop_assert_eq!(back.sampling.temperature, settings.sampling.temperature, "{}", upstream.model);
                prop_assert_eq!(&back.stop, &settings.stop, "{}", upstream.model);
                if matches!(upstream.origin, Origin::OpenAi | Origin::Gemini) {
                    prop_assert_eq!(view::format(&back), view::format(&settings), "{}", upstream.model);
                    prop_assert_eq!(back.sampling.seed, settings.sampling.seed, "{}", upstream.model);
                }
                if upstream.model.starts_with("claude") {
                    let marks = |chat: &Chat| chat.system.iter().take(1).map(|text| text.cache).collect::<Vec<_>>();
                    prop_assert_eq!(marks(&back), marks(&settings));
                }
            }
        }

        #[test]
        fn an_answer_comes_back_whole_and_streamed(answer in answers::answers()) {
            for twin in answers::TWINS {
                let (whole, usage) = answers::through_whole(twin, &answer);
                prop_assert_eq!(&whole, &answers::Heard::of(&answer), "{:?} whole", twin.of);
                prop_assert_eq!(usage.map(|usage| (usage.input_total(), usage.cache_read, usage.output)), answer.usage.map(|usage| (usage.input_total(), usage.cache_read, usage.output)));
                let (streamed, usage) = answers::through_stream(twin, &answer);
                prop_assert_eq!(&streamed, &whole, "{:?} streamed", twin.of);
                prop_assert_eq!(usage.map(|usage| usage.total()), answer.usage.map(|usage| usage.total()));
            }
        }

        #[test]
        fn a_streamed_response_ends_with_the_whole_one(answer in answers::answers()) {
            let (whole, last) = answers::responses(&answer);
            prop_assert_eq!(whole, last);
        }
    }
}
