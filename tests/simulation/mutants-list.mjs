// The mutants of the core: for each safeguard, how it is taken out of the source. `mutants.mjs` runs them.

const CHECK = "    let hash = state.owned.dishonored(&path_key, state.host.now())?;\n";
const FORGOTTEN = ["flow/tokens.rs", CHECK, `    if true {\n        return None;\n    }\n${CHECK}`];

/**
 * Each mutant is a name, then a file of `src/`, then pairs. The first of a pair is a text that stands exactly once in
 * the file. The second replaces it. Further files may follow in the same way.
 */
export const MUTANTS = [
  [
    "nothing written before the wallet",
    "flow/prepare.rs",
    "    match enter(state, purchase, quote, false, Some(max_fee_msat)).await? {",
    "    return Ok(Prepared::Entered(reserved));\n    match enter(state, purchase, quote, false, Some(max_fee_msat)).await? {",
    "    drop(reserved);\n",
    "",
  ],
  [
    "a write that compares nothing",
    "flow/ledger.rs",
    "self.host.write(&changes, &seen)",
    "self.host.write(&changes, &Changes::default())",
    "use crate::ledger::view::{",
    "use crate::ledger::view::{Changes, ",
  ],
  [
    "a revision that does not grow",
    "ledger/view.rs",
    "        let revision = before.as_deref().map_or(0, revision).saturating_add(1);",
    "        let revision = before.as_deref().map_or(0, |_| 1);",
  ],
  ["no fence after an uncertain write", "flow/ledger.rs", "if self.is_uncertain.get() && !is_unread {", "if false {"],
  [
    "what is remembered taken as it is",
    "flow/ledger.rs",
    "                if view.is_fresh() {",
    "                if true {",
  ],
  [
    "a token that somebody else has bought passed over",
    "flow/prepare.rs",
    "is_considered: &|hash| own.owned.was_known(hash, mark),",
    "is_considered: &|_| true,",
    "    mark: u32,\n",
    "    _mark: u32,\n",
  ],
  [
    "its own record not found again",
    "ledger/begin.rs",
    "    if let Some(own) = own.filter(|own| own.is_reserved == buyer.only_reserve) {",
    "    if let Some(own) = own.filter(|_| false) {",
    "    let own = known.as_ref().filter(|known| known.owner == buyer.owner && known.is_unsettled());",
    "    let own = known.as_ref().filter(|known| known.owner == buyer.owner && known.is_reserved && !buyer.only_reserve);",
  ],
  [
    "open payments stand in nobody's way",
    "ledger/begin.rs",
    "        if let Some(standing) = standing(view, order, buyer, &mut counts)? {",
    "        if let Some(standing) = standing(view, order, buyer, &mut counts)?.filter(|_| false) {",
  ],
  [
    "no reserve for what is open",
    "ledger/record.rs",
    "Amounts { spent: amount_msat, reserved: self.max_fee_msat, orders: 0 }",
    "Amounts { spent: 0, reserved: 0, orders: 0 }",
  ],
  [
    "limits not checked",
    "ledger/begin.rs",
    "        None => match counts.reserve(buyer.levels, order.amount_msat, buyer.now_ms) {",
    "        None => match counts.reserve(&[], order.amount_msat, buyer.now_ms).map(|_| 5_000) {",
  ],
  [
    "what was reserved by the dead not released where a limit refuses",
    "ledger/begin.rs",
    "                if !release_lapsed(view, buyer, resource.url.origin(), &mut counts)? {",
    "                if true {",
  ],
  ["leases not renewed", "flow/lease.rs", "state.ledger.take(move |view| renew_lease(view, &key)).await", "key"],
  [
    "leases that lapse at once",
    "flow/leases.rs",
    "now_monotonic.saturating_sub(*since) > lasts_ms(lease).unwrap_or(LEASE_MS).saturating_add(MARGIN_MS)",
    "now_monotonic.saturating_sub(*since) > MARGIN_MS",
  ],
  [
    "leases of the dead that never lapse",
    "flow/leases.rs",
    "now_monotonic.saturating_sub(*since) > lasts_ms(lease).unwrap_or(LEASE_MS).saturating_add(MARGIN_MS)",
    "now_monotonic < *since",
  ],
  [
    "who comes last takes back what another has begun",
    "ledger/settle.rs",
    "    if known.owner != owner || !known.is_unsettled() || known.dispatch.repeats > 0 {",
    "    if !known.is_unsettled() || known.dispatch.repeats > 0 {",
  ],
  [
    "an order taken up from whoever has taken it up before",
    "ledger/settle.rs",
    "    if !known.is_unsettled() || known.owner != abandoned.owner || !is_allowed || !is_over {",
    "    if !known.is_unsettled() || !is_allowed {",
  ],
  [
    "an earlier owner ends a later order",
    "ledger/settle.rs",
    "    if !known.is_unsettled() || known.owner != ours.owner {",
    "    if !known.is_unsettled() {",
  ],
  [
    "a silent wallet's lease given up",
    "flow/settle.rs",
    "        Some(OrderState::Out) => Outcome::Silent,",
    "        Some(OrderState::Out) => Outcome::Unknown,",
  ],
  [
    "what follows a payment not owed",
    "flow/ledger.rs",
    "        self.run(step, true)",
    "        self.run(step, false)",
  ],
  [
    "what another is paying called unpaid",
    "flow/outcome.rs",
    "    let error = if is_taken_up { earlier_payment_open() } else { error };",
    "    let error = if is_taken_up && false { earlier_payment_open() } else { error };",
  ],
  [
    "a lookup's failed believed by anybody",
    "ledger/certainty.rs",
    "if owner == Owner::Alive || !is_same {",
    "if false {",
    "let is_expired = past_ms / 1000 > record.invoice_expires_at;",
    "let is_expired = true;",
  ],
  [
    "an order on its way forgotten",
    "ledger/certainty.rs",
    "let is_expired = past_ms / 1000 > record.invoice_expires_at;",
    "let is_expired = true;",
  ],
  [
    "who was held up asks the wallet all the same",
    "flow/buy.rs",
    "let is_asked = purchase.held_up_ms(&*state.host) <= LEASE_MS && now / 1000 < record.invoice_expires_at;",
    "let is_asked = purchase.held_up_ms(&*state.host) <= u64::MAX || now < LEASE_MS;",
  ],
  [
    "released on a throw",
    "flow/outcome.rs",
    "(Unproven::AnswerLost, heard, payment_unknown(",
    "(Unproven::NotPaid, heard, payment_unknown(",
  ],
  [
    "the proof not stored before the repeat",
    "flow/settle.rs",
    "    let settled = settled.await;\n",
    "    drop(settled);\n    let settled = Err(Failure::Abandoned);\n",
    "Ok((settled, was_news)) => (settled.token,",
    "Ok::<(settle::Settled, bool), Failure<H>>((settled, was_news)) => (settled.token,",
  ],
  [
    "a late answer not recorded",
    "flow/outcome.rs",
    "Ok(proof) => drop(settle_paid(&state, &record, proof).await),",
    "Ok(_) => {}",
  ],
  [
    "not found believed of a wallet that finds nothing",
    "ledger/certainty.rs",
    "let is_believed = wallet.finds || *fact != Fact::NotFound;",
    "let is_believed = true;",
  ],
  [
    "not found believed of what the wallet had",
    "ledger/certainty.rs",
    "        Fact::NotFound if dispatch.heard == Some(Heard::HasPayment) => return OPEN,\n",
    "",
  ],
  [
    "another wallet's lookup ends a payment",
    "ledger/certainty.rs",
    "if owner == Owner::Alive || !is_same {",
    "if owner == Owner::Alive {",
  ],
  [
    "no window after an error",
    "ledger/certainty.rs",
    "            dispatch.error_at_ms.unwrap_or(sent_at_ms.saturating_add(timeout_ms)).saturating_add(window_ms)",
    "            window_ms",
  ],
  [
    "no window after an order",
    "ledger/certainty.rs",
    "Window::Sent(window_ms) => sent_at_ms.saturating_add(window_ms),",
    "Window::Sent(_) => 0,",
  ],
  [
    "the window not kept across a reload",
    "ledger/certainty.rs",
    "dispatch.error_at_ms.unwrap_or(sent_at_ms.saturating_add(timeout_ms))",
    "dispatch.error_at_ms.unwrap_or(0)",
  ],
  [
    "an earlier attempt's record believed",
    "ledger/certainty.rs",
    "if is_earlier || !is_believed {",
    "if !is_believed {",
  ],
  ["failed final between two attempts", "ledger/certainty.rs", " && !matches!(wallet.window, Window::Sent(_));", ";"],
  [
    "the last of several orders believed",
    "ledger/certainty.rs",
    "let is_sender = owner == Owner::Us && dispatch.repeats == 0;",
    "let is_sender = owner == Owner::Us;",
  ],
  [
    "a refusal of a repeated order believed",
    "flow/outcome.rs",
    "Answer::Failed { text, cause } if record.dispatch.repeats > 0 => {",
    "Answer::Failed { text, cause } if record.dispatch.repeats > 9 => {",
  ],
  [
    "a lapse judged by the wall clock",
    "flow/lease.rs",
    "    state.leases.has_lapsed(owner, lease, monotonic)",
    "    state.leases.has_lapsed(owner, lease, state.host.now().max(monotonic))",
  ],
  [
    "leases judged by the reader's own duration",
    "flow/leases.rs",
    "lasts_ms(lease).unwrap_or(LEASE_MS)",
    "lasts_ms(lease).map_or(LEASE_MS, |_| LEASE_MS)",
  ],
  [
    "a reservation whose owner lives released",
    "ledger/begin.rs",
    "        if record.is_reserved && (buyer.has_lapsed)(&owner, lease.as_deref()) {\n            release(view, &record, resource",
    "        if record.is_reserved {\n            release(view, &record, resource",
  ],
  [
    "an order taken up whose owner lives",
    "ledger/settle.rs",
    "known.owner != abandoned.owner || !is_allowed || !is_over {",
    "known.owner != abandoned.owner || !is_allowed {",
  ],
  [
    "an order taken up that costs more than one payment may",
    "ledger/settle.rs",
    "known.owner != abandoned.owner || !is_allowed || !is_over {",
    "known.owner != abandoned.owner || !is_over {",
  ],
  [
    "an order handed again to a wallet that may pay it twice",
    "ledger/certainty.rs",
    "if wallet.settles_once && is_alive ",
    "if is_alive ",
  ],
  [
    "a fresh invoice paid in place of the abandoned one",
    "flow/buy.rs",
    "state.host.pay(repeated.as_ref().unwrap_or(&quote.invoice), order)",
    "state.host.pay(repeated.as_ref().map_or(&quote.invoice, |_| &quote.invoice), order)",
  ],
  ["everybody's clock trusted", "ledger/certainty.rs", "const AHEAD_MS: u64 = 300_000;", "const AHEAD_MS: u64 = 0;"],
  [
    "released from the sums of whoever releases",
    "ledger/begin.rs",
    "    if record.scopes == buyer.scopes && record.payment.url.origin() == origin {",
    "    if true {",
  ],
  [
    "released from the buckets of now",
    "ledger/counts.rs",
    "sums.subtract(record.started_at_ms, record.amounts());",
    "sums.subtract(now_ms, record.amounts());",
  ],
  [
    "released below zero",
    "ledger/sums.rs",
    "self.spent = self.spent.saturating_sub(other.spent);",
    "self.spent = self.spent.wrapping_sub(other.spent);",
  ],
  [
    "a bucket that leaves its window too early",
    "ledger/sums.rs",
    "begin_ms.saturating_add(width_ms) > from_ms",
    "begin_ms > from_ms",
  ],
  [
    "minutes dropped without their quarters",
    "ledger/sums.rs",
    "        sum.add(self.quarters.sum(QUARTER_MS, HOUR_MS, now_ms, self.minutes_from_ms));\n",
    "",
  ],
  [
    "what others did while a person decided passed over",
    "ledger/begin.rs",
    "    if own.is_none() {\n        if let Some(token) = own::sold(",
    "    if own.is_none() && buyer.approved_fee_msat.is_none() {\n        if let Some(token) = own::sold(",
  ],
  [
    "limits not checked again after a person decided",
    "ledger/begin.rs",
    "        None => match counts.reserve(",
    "        None if buyer.approved_fee_msat.is_some() => u64::MAX,\n        None => match counts.reserve(",
  ],
  [
    "more of a fee than was approved",
    "ledger/begin.rs",
    "max_fee_msat.min(buyer.approved_fee_msat.unwrap_or(max_fee_msat)),",
    "max_fee_msat.min(buyer.approved_fee_msat.map_or(max_fee_msat, |_| max_fee_msat)),",
  ],
  [
    "who was held up judged by the wall clock alone",
    "flow/purchase.rs",
    "host.now().saturating_sub(at_ms).max(host.monotonic().saturating_sub(monotonic))",
    "host.now().saturating_sub(at_ms).max(monotonic.min(0))",
  ],
  [
    "who was held up judged by a clock that stands still in sleep",
    "flow/purchase.rs",
    "host.now().saturating_sub(at_ms).max(host.monotonic().saturating_sub(monotonic))",
    "at_ms.min(0).max(host.monotonic().saturating_sub(monotonic))",
  ],
  [
    "what is owed not written before anything else",
    "flow/ledger.rs",
    "let mut all = self.owed.borrow().clone();",
    "let mut all: Vec<_> = self.owed.borrow().iter().filter(|job| !job.done.is_set()).cloned().collect();",
  ],
  [
    "what could not be written not taken back",
    "flow/prepare.rs",
    "state.host.spawn(Box::pin(async move { take_back(&own, &hash, &owner).await }));",
    "drop((own, owner));",
  ],
  [
    "an invoice of another origin paid",
    "ledger/begin.rs",
    "    if known.payment.url.origin() != order.resource.url.origin() {",
    "    if false {",
  ],
  [
    "an invoice that is out handed over again for something else",
    "ledger/begin.rs",
    'State::Pending | State::Unknown => refused(payment_unknown("the wallet was asked to pay this invoice before")),',
    "State::Pending | State::Unknown => Ok(None),",
  ],
  ["not_honored forgotten", ...FORGOTTEN],
  [
    "a call pays as often as it is asked",
    ...FORGOTTEN,
    "flow/call.rs",
    "if paid_now || !request.replayable",
    "if !request.replayable",
  ],
];

/** The changes of a mutant: `[file, [[before, after], ...]]` for each of its files. */
export function changesOf([, ...parts]) {
  const files = [];
  while (parts.length > 0) {
    if (parts[0].endsWith(".rs")) files.push([parts.shift(), []]);
    files.at(-1)[1].push(parts.splice(0, 2));
  }
  return files;
}

/** The source with these changes. Throws if a text to change does not stand there exactly once. */
export function changed(file, source, changes) {
  let result = source;
  for (const [before, after] of changes) {
    if (result.split(before).length !== 2) throw new Error(`${file}: not there exactly once: ${before}`);
    result = result.replace(before, () => after);
  }
  return result;
}
