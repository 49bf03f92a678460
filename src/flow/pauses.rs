//! Servers that learn of a payment late. A paid request that was refused is sent again after growing pauses.

use crate::flow::host::{Head, Host, Request};
use crate::flow::sync::within;

/// The pauses before the request is sent again, in milliseconds.
const PAUSES_MS: [u64; 3] = [500, 1_000, 2_000];
/// All pauses end within this time after the first refusal, whatever the server asks for.
const IN_ALL_MS: u64 = 10_000;

/// The pauses that are left to one call.
#[derive(Default)]
pub(crate) struct Pauses {
    taken: usize,
    until_ms: Option<u64>,
}

impl Pauses {
    /// How many milliseconds to wait before the request is sent once more. `None`: the caller gets this answer.
    pub(crate) fn next(&mut self, head: &Head, request: &Request, now_ms: u64) -> Option<u64> {
        // A server that answers 401 or 402 has not acted, whatever the method. With other answers it may have acted.
        let is_refusal = matches!(head.status, 401 | 402);
        let is_busy = matches!(head.status, 429 | 503) && request.is_get() && head.retry_after_ms.is_some();
        if !(is_refusal || is_busy) {
            return None;
        }
        let until = *self.until_ms.get_or_insert(now_ms.saturating_add(IN_ALL_MS));
        let pause = head.retry_after_ms.or(PAUSES_MS.get(self.taken).copied());
        let pause = pause.filter(|pause| self.taken < PAUSES_MS.len() && now_ms.saturating_add(*pause) <= until)?;
        self.taken = self.taken.saturating_add(1);
        Some(pause)
    }
}

/// Waits this many milliseconds, or until the caller has given up.
pub(crate) async fn pause<H: Host>(host: &H, call: &H::Call, milliseconds: u64) {
    if !host.is_aborted(call) {
        within(Box::pin(host.gives_up(call)), Box::pin(host.sleep(milliseconds))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_800_000_000_000;

    fn pauses(method: &str, answers: &[(u16, Option<u64>)]) -> Vec<Option<u64>> {
        let request = Request { method: method.into(), replayable: true, payable: true, ..Request::default() };
        let (mut pauses, mut now) = (Pauses::default(), START);
        let next = |(status, retry_after_ms): &(u16, Option<u64>)| {
            let head = Head { status: *status, retry_after_ms: *retry_after_ms, ..Head::default() };
            let pause = pauses.next(&head, &request, now);
            now = now.saturating_add(pause.unwrap_or(0));
            pause
        };
        answers.iter().map(next).collect()
    }

    #[test]
    fn three_pauses_that_grow_and_no_more() {
        for (method, status) in [("GET", 401), ("GET", 402), ("POST", 402)] {
            assert_eq!(pauses(method, &[(status, None); 5]), [Some(500), Some(1_000), Some(2_000), None, None]);
        }
    }

    #[test]
    fn what_the_server_asks_for_counts_up_to_ten_seconds_in_all() {
        assert_eq!(pauses("GET", &[(402, Some(4_000)); 4]), [Some(4_000), Some(4_000), None, None]);
        assert_eq!(pauses("GET", &[(402, Some(0)); 4]), [Some(0), Some(0), Some(0), None]);
        assert_eq!(pauses("GET", &[(401, Some(10_001)), (401, Some(10_000)), (401, None)]), [None, Some(10_000), None]);
        assert_eq!(pauses("GET", &[(402, Some(u64::MAX)); 1]), [None]);
    }

    #[test]
    fn a_busy_server_is_asked_again_where_it_says_when_and_nothing_can_happen_twice() {
        for status in [429, 503] {
            assert_eq!(pauses("GET", &[(status, Some(2_000)), (402, None)]), [Some(2_000), Some(1_000)]);
            assert_eq!(pauses("HEAD", &[(status, Some(2_000))]), [Some(2_000)]);
            assert_eq!(pauses("GET", &[(status, None)]), [None]);
            assert_eq!(pauses("POST", &[(status, Some(2_000))]), [None]);
        }
        for status in [200, 400, 403, 404, 500, 502] {
            assert_eq!(pauses("GET", &[(status, Some(1_000))]), [None], "{status}");
        }
    }
}
