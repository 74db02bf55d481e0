//! Reading a client's body: all of it, within bounds of size and time, unpacked if it came packed.

use std::io::Read;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use fluxa_domain::refusal::{Refusal, RefusalKind};
use http_body::Body;
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, EXPECT, HeaderMap};

/// A body must be complete within this time.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// An oversized body is read and thrown away for so long, so that the client reads our answer instead of a reset.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// And no further than this many bytes beyond the limit.
const DRAIN_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes set aside before the first byte has come, whatever the client announces.
const FIRST_RESERVE: u64 = 256 * 1024;

/// Reads the body of a request.
///
/// # Errors
/// [`RefusalKind::TooLarge`] over `limit` (packed or unpacked), [`RefusalKind::InvalidRequest`] when it breaks off,
/// takes too long or is packed in an unknown way.
pub(crate) async fn read(headers: &HeaderMap, mut body: Incoming, limit: usize) -> Result<Bytes, Refusal> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|value| value.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > limit as u64) {
        if !headers.contains_key(EXPECT) {
            drain(&mut body).await;
        }
        return Err(too_large(limit));
    }
    let packed = match tokio::time::timeout(BODY_TIMEOUT, collect(&mut body, announced, limit)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(Broken::TooLarge)) => {
            drain(&mut body).await;
            return Err(too_large(limit));
        }
        Ok(Err(Broken::Off)) => return Err(Refusal::new(RefusalKind::InvalidRequest, "the request body broke off")),
        Err(_) => {
            return Err(Refusal::new(RefusalKind::InvalidRequest, "the request body did not arrive within 30 seconds").with_status(408));
        }
    };
    let Some(encoding) = headers.get(CONTENT_ENCODING) else { return Ok(packed) };
    match encoding.as_bytes().trim_ascii().to_ascii_lowercase().as_slice() {
        b"" | b"identity" => Ok(packed),
        b"gzip" | b"x-gzip" => unpack(flate2::read::GzDecoder::new(&packed[..]), limit),
        b"deflate" => unpack(flate2::read::ZlibDecoder::new(&packed[..]), limit),
        _ => Err(Refusal::new(RefusalKind::InvalidRequest, "this content-encoding is not supported: send gzip, deflate or none")
            .with_status(415)),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Broken {
    TooLarge,
    Off,
}

async fn collect(body: &mut (impl Body<Data = Bytes> + Unpin), announced: Option<u64>, limit: usize) -> Result<Bytes, Broken> {
    let Some(first) = next(body).await? else { return Ok(Bytes::new()) };
    // The first frame of a body of no announced length may be over the limit already.
    if first.len() > limit {
        return Err(Broken::TooLarge);
    }
    if body.is_end_stream() {
        // The usual case: the whole body in one read, handed on without a copy.
        return Ok(first);
    }
    let room = announced.unwrap_or(0).min(FIRST_RESERVE);
    let mut all = BytesMut::with_capacity(usize::try_from(room).unwrap_or(0).max(first.len() * 2));
    all.extend_from_slice(&first);
    if let Some(announced) = announced.and_then(|bytes| usize::try_from(bytes).ok()) {
        // Something has come, so the announcement is more than words.
        all.reserve(announced.min(limit).saturating_sub(all.len()));
    }
    while let Some(data) = next(body).await? {
        if all.len() + data.len() > limit {
            return Err(Broken::TooLarge);
        }
        all.extend_from_slice(&data);
    }
    Ok(all.freeze())
}

async fn next(body: &mut (impl Body<Data = Bytes> + Unpin)) -> Result<Option<Bytes>, Broken> {
    loop {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(Broken::Off),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

async fn drain(body: &mut Incoming) {
    let reading = async {
        let mut thrown = 0_u64;
        while let Ok(Some(data)) = next(body).await {
            thrown += data.len() as u64;
            if thrown > DRAIN_BYTES {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, reading).await;
}

fn unpack(reader: impl Read, limit: usize) -> Result<Bytes, Refusal> {
    let mut out = Vec::new();
    let within = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    match reader.take(within).read_to_end(&mut out) {
        Ok(_) if out.len() > limit => Err(too_large(limit)),
        Ok(_) => Ok(Bytes::from(out)),
        Err(_) => Err(Refusal::new(RefusalKind::InvalidRequest, "the packed request body is damaged")),
    }
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(RefusalKind::TooLarge, format!("the request body is larger than the limit of {limit} bytes"))
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;

    async fn collected(frames: &[usize], limit: usize) -> Result<usize, Broken> {
        let frames: Vec<_> = frames.iter().map(|&bytes| Ok::<_, Broken>(Frame::data(Bytes::from(vec![b'x'; bytes])))).collect();
        collect(&mut StreamBody::new(stream::iter(frames)), None, limit).await.map(|all| all.len())
    }

    #[tokio::test]
    async fn every_frame_counts_towards_the_limit_the_first_too() {
        assert_eq!(collected(&[10], 10).await, Ok(10));
        assert_eq!(collected(&[11], 10).await, Err(Broken::TooLarge));
        assert_eq!(collected(&[11, 1], 10).await, Err(Broken::TooLarge));
        assert_eq!(collected(&[5, 5], 10).await, Ok(10));
        assert_eq!(collected(&[5, 5, 1], 10).await, Err(Broken::TooLarge));
        assert_eq!(collected(&[], 10).await, Ok(0));
    }

    #[test]
    fn a_packed_body_is_bounded_by_what_it_unpacks_to() {
        use std::io::Write as _;
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(&vec![b'x'; 10_000]).unwrap();
        let packed = packer.finish().unwrap();
        assert_eq!(unpack(flate2::read::GzDecoder::new(&packed[..]), 10_000).unwrap().len(), 10_000);
        assert!(unpack(flate2::read::GzDecoder::new(&packed[..]), 9_999).is_err());
        assert!(unpack(flate2::read::GzDecoder::new(&packed[..20]), 10_000).is_err());
    }
}
