//! A byte stream to a vendor, with or without TLS, read through one scratch buffer a thread.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Bytes read at once: one TLS record or a burst of events. One buffer a thread, so its size costs nothing a stream.
pub(crate) const SCRATCH_BYTES: usize = 64 * 1024;

/// The read buffer that all connections of a thread share; between reads a stream holds none.
#[derive(Debug)]
pub(crate) struct Scratch(RefCell<Vec<u8>>);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(RefCell::new(vec![0; SCRATCH_BYTES]))
    }

    /// The buffer between reads, for what else needs room for a moment. Nothing may be read from a connection meanwhile.
    pub(super) fn lend(&self) -> std::cell::RefMut<'_, Vec<u8>> {
        self.0.borrow_mut()
    }
}

/// The transport.
#[derive(Debug)]
pub(crate) enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Io {
    /// Reads once and hands the bytes to `sink`; `Ready(Ok(0))` is the end of the stream.
    ///
    /// `sink` must not read from this or any other connection of the thread.
    pub(crate) fn poll_read_with(&mut self, cx: &mut Context<'_>, scratch: &Scratch, sink: impl FnOnce(&[u8])) -> Poll<io::Result<usize>> {
        let mut scratch = scratch.0.borrow_mut();
        let mut buf = ReadBuf::new(&mut scratch);
        let read = match self {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, &mut buf),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_read(cx, &mut buf),
        };
        match read {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => {
                let filled = buf.filled();
                sink(filled);
                Poll::Ready(Ok(filled.len()))
            }
        }
    }

    /// True when a waiting connection has been closed or has sent something unasked: not to be used again.
    pub(crate) fn is_stale(&self) -> bool {
        let tcp = match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
        };
        let mut probe = [0_u8; 1];
        !matches!(tcp.try_read(&mut probe), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Writes from `head`, then from `body`, in one system call where the socket takes them, and shortens both by what was taken.
    /// `Ready(Ok(()))` says that all of it is with the system.
    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>, head: &mut &[u8], body: &mut &[u8]) -> Poll<io::Result<()>> {
        while !head.is_empty() || !body.is_empty() {
            let slices = [io::IoSlice::new(head), io::IoSlice::new(body)];
            let polled = match self {
                Self::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, &slices),
                Self::Tls(tls) => Pin::new(tls.as_mut()).poll_write_vectored(cx, &slices),
            };
            let written = match polled {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => written,
            };
            let of_head = written.min(head.len());
            *head = head.get(of_head..).unwrap_or_default();
            *body = body.get(written - of_head..).unwrap_or_default();
        }
        match self {
            // A plain socket has no buffer of its own.
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_flush(cx),
        }
    }
}
