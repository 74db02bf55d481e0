//! Gemini's generateContent, as vendors speak it. Source: protocol specification §5.
