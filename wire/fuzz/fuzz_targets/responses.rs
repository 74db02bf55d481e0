//! Whatever a client sends as a response's request is read or refused; what is read can be answered, and the answer's items
//! can be sent back.
#![no_main]

use fluxa_wire::client::responses::{OpenAiResponses, items_of_answer, items_of_request, with_history};
use fluxa_wire::client::{Asked, ClientDialect, Voice};
use fluxa_wire::neutral::{ChatAnswer, Choice, Role};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let asked = |body| OpenAiResponses.read(Asked { body, model: "m", stream: false });
    let Ok(heard) = asked(body) else { return };
    // What an assistant said in the request serves as the answer.
    let turns = heard.chat.turns.iter().filter(|turn| turn.role == Role::Assistant);
    let parts = turns.flat_map(|turn| turn.parts.clone()).collect();
    let answer = ChatAnswer { choices: vec![Choice { parts, ..Choice::default() }], ..ChatAnswer::default() };
    let voice = Voice { repeat: heard.repeat, ..Voice::default() };
    let response = OpenAiResponses.write(&answer, &voice);
    let mut history = items_of_request(body);
    history.extend(items_of_answer(&response));
    asked(&with_history(body, &history)).unwrap();
});
