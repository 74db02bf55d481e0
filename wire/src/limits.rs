//! Every bound of this room, with its reason. No limit is written anywhere else.

/// Nesting of a request body. Tool schemas of real agents stay below 30; the scanner's stack is one `u64`.
pub const BODY_DEPTH: u32 = 64;

/// Nesting down to which an answer is looked into; deeper values are stepped over, they hold no facts of ours.
pub const LOOK_DEPTH: u32 = 16;

/// A string of only base64 characters that is longer than this is media, not text: no prose or code has no blank in 4 kB.
pub const BLOB_BYTES: usize = 4 * 1024;

/// One line of an event stream. Generated pictures and sounds come whole, as base64 in one line: 2 MB for a picture of one
/// megapixel, 8 MB for a large one or for two minutes of speech.
pub const SSE_LINE_BYTES: usize = 12 * 1024 * 1024;

/// All data lines of one event. More means that the upstream does not speak event streams.
pub const SSE_EVENT_BYTES: usize = 16 * 1024 * 1024;

/// What a framer or relay keeps between events: an idle stream should cost less than this.
pub const KEPT_BUFFER_BYTES: usize = 8 * 1024;

/// Any single count of a usage beyond this is nonsense: the largest context window sold is 10 million tokens.
pub const USAGE_TOKENS: u64 = 100_000_000;

/// Parts of a multipart form; transcription clients send about ten.
pub const FORM_PARTS: usize = 128;

/// Header lines of one multipart part.
pub const FORM_HEADER_BYTES: usize = 8 * 1024;

/// The value of a form field that is read (`model`, `stream`).
pub const FORM_FIELD_BYTES: usize = 4 * 1024;

/// The boundary of a multipart form (RFC 2046 §5.1.1).
pub const FORM_BOUNDARY_BYTES: usize = 70;

/// What is kept of an upstream's error message.
pub const ERROR_MESSAGE_BYTES: usize = 2 * 1024;

/// How much of an upstream's error body is parsed; longer ones are pages, not errors.
pub const ERROR_BODY_BYTES: usize = 64 * 1024;

/// Fields of a request that are taken out one after another because an upstream refuses them: more is another dialect.
pub const REFUSED_FIELDS: usize = 3;

/// The name of such a field; the longest in use have about 30 characters.
pub const FIELD_NAME_BYTES: usize = 64;

/// A wait named by an upstream beyond this is not believed.
pub const RETRY_AFTER_MS: u64 = 24 * 60 * 60 * 1000;

/// A configured secret shorter than this is a placeholder; replacing it would maim ordinary words.
pub const SECRET_BYTES: usize = 8;

/// The header block of one binary event frame: the format's own bound (AWS event stream encoding). Real ones are about 100 bytes.
pub const EVENT_HEADERS_BYTES: usize = 128 * 1024;

/// Headers of one binary event frame. Real frames have three; a bound keeps the search for duplicates cheap.
pub const EVENT_HEADERS: usize = 64;

/// The payload of one binary event frame. The format allows 24 MiB; what models send is a few kB a frame, whole media at most some MB.
pub const EVENT_PAYLOAD_BYTES: usize = 8 * 1024 * 1024;

/// What a reader of a stream holds back of one block that must be whole to be understood (the input of a vendor-run tool, sources).
/// One whole event; real ones are a few kB.
pub const HELD_BLOCK_BYTES: usize = 16 * 1024 * 1024;

/// One translated stream. Its text, its calls and its sources are remembered until its end, where some dialects tell them again, so a
/// vendor that never ends must not fill the memory. The longest answers have some 128,000 tokens, of at most 300 bytes an event: 40 MB.
pub const TRANSLATED_STREAM_BYTES: usize = 256 * 1024 * 1024;

/// Names of fields that could not be carried, of one request. They go into one header, of which clients and proxies read some 8 kB; a
/// request that makes up ten thousand fields is not searched for each of them.
pub const DROPPED_NAMES: usize = 256;

/// Digits of a number that may be somebody's (phone, account, card); shorter ones are counts and sizes.
pub const NUMBER_DIGITS: usize = 7;

/// Header lines and parameters of one part of a form that are looked at; clients send two lines of three.
pub const FORM_HEADERS: usize = 16;
/// Texts of one streamed answer that are open at once, or were: each costs a look at the others. Real answers have fewer than ten at a
/// time, and some hundred parts in all.
pub const SCREENED_STRANDS: usize = 4096;
