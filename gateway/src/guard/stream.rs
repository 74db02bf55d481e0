//! What comes back in pieces: the stream in the client's dialect, text by text through the firewall.

use std::collections::HashMap;

use bytes::BytesMut;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::refusal::Refusal;
use fluxa_firewall::{CallFirewall, Channel, Form, Inspected};
use fluxa_wire::leaf::LeafKind;
use fluxa_wire::relay::Framing;
use fluxa_wire::screen::{Censor, Screen, ScreenFault, Stopped, Strand, StrandKind};

use super::{Guard, text};

/// Why a stream ends before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It holds what may not reach the client.
    Blocked,
    /// It is not well-formed.
    Broken,
}

/// The texts of one stream.
#[derive(Debug)]
pub(super) struct Strands {
    screen: Screen,
    channels: HashMap<Strand, Channel>,
}

/// One stream on its way, and the copy of it that is written down.
#[derive(Debug)]
pub(crate) struct Screening {
    strands: Strands,
    /// What the vendor said, in the client's dialect, not yet looked at.
    pub(crate) raw: BytesMut,
    copy: Option<Box<Copy>>,
    /// It was stopped, or could not be read: nothing more goes through.
    over: bool,
}

/// Stand-ins stay in what is written down.
#[derive(Debug)]
struct Copy {
    firewall: CallFirewall,
    strands: Strands,
    out: BytesMut,
    broken: bool,
}

impl Screening {
    /// A stream in the client's dialect; nothing where its texts are not looked at. `stores` says whether a copy is written down.
    pub(crate) fn of(guard: &Guard, dialect: Dialect, op: Op, framing: Framing, stores: bool) -> Option<Box<Self>> {
        if !guard.watches_answers() || !matches!(framing, Framing::Sse | Framing::JsonArray) {
            return None;
        }
        let copy = (stores && guard.has_stand_ins()).then(|| {
            let strands = Strands::new(dialect, op, framing);
            Box::new(Copy { firewall: guard.for_the_books(), strands, out: BytesMut::new(), broken: false })
        });
        Some(Box::new(Self { strands: Strands::new(dialect, op, framing), raw: BytesMut::new(), copy, over: false }))
    }

    /// Looks at what has come; what may go on is appended to `out`.
    ///
    /// # Errors
    /// When the stream must end. What is in `out` may still be sent.
    pub(crate) fn pass(&mut self, guard: &mut Guard, out: &mut BytesMut) -> Result<(), End> {
        let raw = std::mem::take(&mut self.raw);
        if let Some(copy) = &mut self.copy {
            copy.broken = copy.broken || copy.strands.push(&mut copy.firewall, &raw, &mut copy.out).is_err();
        }
        let passed = self.strands.push(&mut guard.firewall, &raw, out);
        guard.blocked |= passed == Err(End::Blocked);
        self.over |= passed.is_err();
        // The room is used again.
        self.raw = raw;
        self.raw.clear();
        passed
    }

    /// The stream has ended: what waited comes out.
    ///
    /// # Errors
    /// When it must end otherwise than it did. What is in `out` may still be sent.
    pub(crate) fn finish(&mut self, guard: &mut Guard, out: &mut BytesMut) -> Result<(), End> {
        self.pass(guard, out)?;
        if let Some(copy) = &mut self.copy {
            copy.broken = copy.broken || copy.strands.finish(&mut copy.firewall, &mut copy.out).is_err();
        }
        let finished = self.strands.finish(&mut guard.firewall, out);
        guard.blocked |= finished == Err(End::Blocked);
        self.over |= finished.is_err();
        finished
    }

    /// Nothing more goes through; what is to be said is said by [`Self::break_off`].
    pub(crate) const fn is_over(&self) -> bool {
        self.over
    }

    /// Ends a stream that is over, in the client's dialect. False where nothing can be said that would be read.
    pub(crate) fn break_off(&self, (dialect, op): (Dialect, Op), refusal: &Refusal, out: &mut BytesMut) -> bool {
        self.strands.screen.break_off(dialect, op, refusal, out)
    }

    /// What is to be written down of the stream, where that is not what the client gets.
    pub(crate) fn take_copy(&mut self) -> Option<BytesMut> {
        self.copy.as_mut().map(|copy| std::mem::take(&mut copy.out))
    }
}

impl Guard {
    /// What a client is told in the middle of a stream that holds what may not be passed on.
    pub(crate) fn stream_refusal(&self) -> Refusal {
        self.refusal("the answer holds what may not be passed on")
    }
}

impl Strands {
    pub(super) fn new(dialect: Dialect, op: Op, framing: Framing) -> Self {
        Self { screen: Screen::new(dialect, op, framing), channels: HashMap::new() }
    }

    pub(super) fn push(&mut self, firewall: &mut CallFirewall, input: &[u8], out: &mut BytesMut) -> Result<(), End> {
        let mut censor = Watch { firewall, channels: &mut self.channels };
        self.screen.push(input, &mut censor, out).map_err(End::from)
    }

    pub(super) fn finish(&mut self, firewall: &mut CallFirewall, out: &mut BytesMut) -> Result<(), End> {
        let mut censor = Watch { firewall, channels: &mut self.channels };
        self.screen.finish(&mut censor, out).map_err(End::from)
    }
}

impl From<ScreenFault> for End {
    fn from(fault: ScreenFault) -> Self {
        match fault {
            ScreenFault::Stopped => Self::Blocked,
            ScreenFault::Stream(_) => Self::Broken,
        }
    }
}

/// The firewall as a screen asks it.
struct Watch<'a> {
    firewall: &'a mut CallFirewall,
    channels: &'a mut HashMap<Strand, Channel>,
}

impl Censor for Watch<'_> {
    fn piece(&mut self, strand: &Strand, piece: &str, out: &mut String) -> Result<(), Stopped> {
        let channel = match self.channels.get_mut(strand) {
            Some(channel) => channel,
            None => {
                let form = if strand.kind == StrandKind::Arguments { Form::Json } else { Form::Plain };
                self.channels.entry(strand.clone()).or_insert(self.firewall.channel(form))
            }
        };
        channel.push(self.firewall, piece, out).map_err(|_| Stopped)
    }

    fn end(&mut self, strand: &Strand, out: &mut String) -> Result<(), Stopped> {
        match self.channels.remove(strand) {
            Some(mut channel) => channel.finish(self.firewall, out).map_err(|_| Stopped),
            None => Ok(()),
        }
    }

    fn whole(&mut self, text: &str, kind: LeafKind, again: bool) -> Result<Option<String>, Stopped> {
        let form = text::form(kind);
        let seen = if again { self.firewall.response_again(text, form) } else { self.firewall.response(text, form) };
        match seen {
            Inspected::Same => Ok(None),
            Inspected::Edited(text) => Ok(Some(text)),
            Inspected::Blocked => Err(Stopped),
        }
    }
}
