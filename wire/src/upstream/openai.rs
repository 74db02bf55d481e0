//! OpenAI's chat completions, as vendors speak them. Source: protocol specification §1 and §4.
