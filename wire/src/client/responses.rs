//! OpenAI's responses, as clients speak them. Source: protocol specification §8.
