//! The scripts, each put together from the parts it needs. What they keep is told in `scope.lua`.

use crate::shared::redis::link::Script;

macro_rules! script {
    ($($part:literal),+) => {
        Script::new(concat!($(include_str!($part), "\n"),+))
    };
}

/// One script for each thing that can be asked.
#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) reserve: Script,
    pub(super) settle: Script,
    pub(super) release: Script,
    pub(super) extend: Script,
    pub(super) restore: Script,
    pub(super) expire: Script,
    pub(super) recorded: Script,
    pub(super) begin_warm: Script,
    pub(super) end_warm: Script,
    pub(super) chill: Script,
    pub(super) forget: Script,
    pub(super) standing: Script,
    pub(super) open: Script,
    pub(super) within: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            reserve: script!("head.lua", "note.lua", "scope.lua", "amount.lua", "slide.lua", "rate.lua", "reserve.lua"),
            settle: script!(
                "head.lua",
                "note.lua",
                "scope.lua",
                "amount.lua",
                "windows.lua",
                "cold.lua",
                "correct.lua",
                "stream.lua",
                "settle.lua"
            ),
            release: script!("head.lua", "note.lua", "scope.lua", "amount.lua", "windows.lua", "cold.lua", "correct.lua", "release.lua"),
            extend: script!("head.lua", "extend.lua"),
            restore: script!("head.lua", "note.lua", "scope.lua", "amount.lua", "restore.lua"),
            expire: script!("head.lua", "note.lua", "scope.lua", "amount.lua", "windows.lua", "stream.lua", "expire.lua"),
            recorded: script!("head.lua", "note.lua", "scope.lua", "amount.lua", "windows.lua", "cold.lua", "recorded.lua"),
            begin_warm: script!("head.lua", "scope.lua", "begin_warm.lua"),
            end_warm: script!("head.lua", "scope.lua", "end_warm.lua"),
            chill: script!("head.lua", "scope.lua", "cold.lua", "chill.lua"),
            forget: script!("head.lua", "scope.lua", "forget.lua"),
            standing: script!("head.lua", "scope.lua", "slide.lua", "standing.lua"),
            open: script!("head.lua", "note.lua", "open.lua"),
            within: script!("head.lua", "note.lua", "within.lua"),
        }
    }
}
