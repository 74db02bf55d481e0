//! Anthropic's messages, as clients speak them. Source: protocol specification §2 and §4.
