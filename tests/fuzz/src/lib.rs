//! What the fuzz targets share.

use std::cell::Cell;
use std::panic::{catch_unwind, set_hook, take_hook, UnwindSafe};
use std::sync::Once;

/// The text of an input; what is no UTF-8 never reaches a parser.
pub fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

thread_local!(static FOREIGN: Cell<bool> = const { Cell::new(false) });

/// Runs another library's code, whose panics are no finding of ours: `None` where it panicked.
pub fn foreign<T>(task: impl FnOnce() -> T + UnwindSafe) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        // libFuzzer's own hook ends the process at any panic, caught or not
        let fatal = take_hook();
        set_hook(Box::new(move |info| {
            if !FOREIGN.get() {
                fatal(info);
            }
        }));
    });
    FOREIGN.set(true);
    let result = catch_unwind(task);
    FOREIGN.set(false);
    result.ok()
}

/// Reads an input byte by byte as choices; zeros once it has ended.
pub struct Choices<'a>(std::slice::Iter<'a, u8>);

impl<'a> Choices<'a> {
    pub fn of(data: &'a [u8]) -> Self {
        Self(data.iter())
    }

    pub fn is_over(&self) -> bool {
        self.0.len() == 0
    }

    pub fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    pub fn below(&mut self, end: u8) -> u8 {
        self.byte() % end
    }

    pub fn one_of<T: Copy, const N: usize>(&mut self, of: [T; N]) -> T {
        of[usize::from(self.byte()) % N]
    }
}
