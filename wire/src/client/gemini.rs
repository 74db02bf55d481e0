//! Gemini's generateContent, as clients speak it. Source: protocol specification §5.
