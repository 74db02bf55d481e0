//! OpenAI's chat completions, as clients speak them. Source: protocol specification §1.
