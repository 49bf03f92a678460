//! The faults that one request of a process may have.

use crate::process::{Ask, Op, Process, Reply, Stage};
use crate::wallet::Manner;
use crate::world::World;
use l402_fetch::flow::host::{Answer, Head};
use l402_fetch::ledger::wallet::Fact;
use std::rc::Rc;

/// The time for which a person thinks or a server is silent, in an isolate.
const SLOW_MS: u64 = 30_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The request fails, and nothing has happened.
    Fails,
    /// The request fails, although its effect has happened or will happen.
    FailsAfter,
    /// The request takes longer than any timer.
    Slow,
    /// The request gets no answer. An order that is on its way does not arrive.
    Lost,
    /// The wallet has not paid and says so, or the caller says no.
    Refuses,
    /// The answer is not a preimage.
    Nothing,
    /// The answer is a wrong preimage.
    Wrong,
    /// The server is overloaded.
    Busy,
    /// The store has written, and says that somebody was first: it was sent twice.
    SaysFalse,
    /// The write fails, and comes to the store later.
    FailsLate,
    /// The store says that somebody was first, and the write comes to it later.
    SaysFalseLate,
}

impl Fault {
    pub fn of(op: &Op, manner: &Manner, is_random: bool) -> &'static [Self] {
        use Fault::{
            Busy, Fails, FailsAfter, FailsLate, Lost, Nothing, Refuses, SaysFalse, SaysFalseLate, Slow, Wrong,
        };
        match (&op.ask, op.stage) {
            (Ask::Read(_) | Ask::List(_), _) => &[Fails, Slow],
            (Ask::Write(..), _) if is_random => &[Fails, FailsAfter, SaysFalse, FailsLate, SaysFalseLate, Slow],
            (Ask::Write(..), _) => &[Fails, FailsAfter, SaysFalse, FailsLate, Slow],
            (Ask::Send(_), _) => &[Fails, FailsAfter, Slow, Busy],
            (Ask::Pay(_), Stage::Asked) if manner.lingers_ms > 0 => &[Fails, FailsAfter, Refuses, Lost, Slow],
            (Ask::Pay(_), Stage::Asked) => &[Fails, Refuses, Lost, Slow],
            (Ask::Pay(_), Stage::Flying) => &[FailsAfter, Refuses, Slow],
            (Ask::Pay(_), Stage::Over) => &[Fails, Nothing, Wrong, Lost, Slow],
            (Ask::Lookup(_), _) => &[Fails, Wrong, Slow],
            (Ask::Approve, _) => &[Fails, Refuses, Slow],
            (Ask::Sleep, _) => &[],
        }
    }

    pub fn apply(self, world: &Rc<World>, process: &Rc<Process>, id: u64) {
        let Some(op) = process.ops.borrow().get(&id).cloned() else { return };
        match self {
            Self::Slow | Self::Lost => {
                if let Some(op) = process.ops.borrow_mut().get_mut(&id) {
                    (op.slow, op.lost) = (true, self == Self::Lost);
                    // Others pass over it, or it is late when it loses: what it writes then counts as failed.
                    world.store_failed.set(world.store_failed.get() || op.is_at_store());
                    let is_bounded = op.until.is_some() || matches!(op.ask, Ask::Pay(_));
                    // A person who never answers is asked for ever.
                    let is_endless = world.setup.isolated || matches!(op.ask, Ask::Approve);
                    op.slow_until = (is_endless && !is_bounded).then(|| world.timer() + SLOW_MS);
                }
                return;
            }
            _ => {}
        }
        let broke = "it broke";
        if op.is_at_store() {
            world.store_failed.set(true);
        }
        match &op.ask {
            Ask::Read(_) => process.answer(id, &broke, Reply::Read(Err(broke))),
            Ask::List(_) => process.answer(id, &broke, Reply::Listed(Err(broke))),
            Ask::Write(..) => {
                let said = match self {
                    Self::SaysFalse | Self::SaysFalseLate => Ok(false),
                    _ => Err(broke),
                };
                if matches!(self, Self::FailsLate | Self::SaysFalseLate) {
                    if let Some(op) = process.ops.borrow_mut().get_mut(&id) {
                        op.orphan = true;
                    }
                    return process.reply(id, &said, Reply::Written(said));
                }
                if self != Self::Fails {
                    world.write(&op);
                }
                process.answer(id, &said, Reply::Written(said));
            }
            Ask::Send(sent) => match self {
                Self::Busy => {
                    world.busy.set(world.busy.get() + usize::from(sent.authorization.is_some()));
                    let head = Head { status: 503, url: sent.url.clone(), ..Head::default() };
                    process.answer(id, &503, Reply::Sent(Ok(head)));
                }
                _ => {
                    if self == Self::FailsAfter {
                        world.server.serve(&world.setup, &world.named(sent), world.wall());
                    }
                    process.answer(id, &broke, Reply::Sent(Err(broke)));
                }
            },
            Ask::Pay(bill) => {
                let answer = match self {
                    Self::Refuses => {
                        // An earlier order of the same invoice may be in flight.
                        if op.stage == Stage::Flying {
                            world.wallet.payments.borrow_mut().remove(&bill.hash);
                        }
                        Answer::Failed { text: "no route".into(), cause: None }
                    }
                    Self::Nothing => Answer::NoPreimage("undefined".into()),
                    Self::Wrong => Answer::Preimage { text: "ab".repeat(32), fee_msat: None },
                    _ => Answer::Threw(broke),
                };
                let what = self as u8;
                if self == Self::FailsAfter {
                    if let Some(op) = process.ops.borrow_mut().get_mut(&id) {
                        (op.orphan, op.error_at) = (true, Some(world.timer()));
                    }
                    process.reply(id, &what, Reply::Paid(answer));
                } else {
                    process.answer(id, &what, Reply::Paid(answer));
                }
            }
            Ask::Lookup(_) => {
                let found = match self {
                    Self::Wrong => Fact::Paid { preimage: "ab".repeat(32), fee_msat: None },
                    _ => Fact::Unreachable,
                };
                process.answer(id, &(self as u8), Reply::Found(found));
            }
            Ask::Approve => {
                let consent = if self == Self::Refuses { Ok(false) } else { Err(broke) };
                process.answer(id, &consent, Reply::Approved(consent));
            }
            Ask::Sleep => {}
        }
    }
}
