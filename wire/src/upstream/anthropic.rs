//! Anthropic's messages, as vendors speak them. Source: protocol specification §2 and §3.
