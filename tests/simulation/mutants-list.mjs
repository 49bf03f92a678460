// The mutants of the core: for each safeguard, how it is taken out of the source. `mutants.mjs` runs them.

const CHECK =
  "    let payment = state.owned.dishonored(&path_key, &state.purchases.hashes_on_trial(), state.host.now())?;\n";
const OF_OTHERS = [
  "ledger/begin.rs",
  "    let Some(payment_hash) = unaccepted.dishonored(now_ms) else { return Ok(()) };",
  "    let Some(payment_hash) = unaccepted.dishonored(now_ms).filter(|_| false) else { return Ok(()) };",
];
const FORGOTTEN = ["flow/tokens.rs", CHECK, `    if true {\n        return None;\n    }\n${CHECK}`, ...OF_OTHERS];

/**
 * Each mutant is a name, then a file of `src/`, then pairs. The first of a pair is a text that stands exactly once in
 * the file. The second replaces it. Further files may follow in the same way.
 */
export const MUTANTS = [
  [
    "nothing written before the wallet",
    "flow/prepare.rs",
    "                Ok(()) => enter(state, purchase, quote, false, Some(max_fee_msat)).await,",
    "                Ok(()) if max_fee_msat > 0 => Ok(Prepared::Entered(begun.clone())),\n                Ok(()) => Err(Failure::abandoned()),",
  ],
  [
    "a write that compares nothing",
    "flow/driver.rs",
    "state.host.write(view.changed(), view.seen())",
    "state.host.write(view.changed(), &Default::default())",
  ],
  [
    "a revision that does not grow",
    "ledger/view.rs",
    "revision.saturating_add(1).to_string()",
    "revision.min(0).saturating_add(1).to_string()",
  ],
  [
    "no fence after an uncertain write",
    "flow/driver.rs",
    "if is_uncertain.get() && !is_look {",
    "if is_uncertain.get() && !is_look && false {",
  ],
  [
    "what is remembered taken as it is",
    "flow/driver.rs",
    "            if is_look || view.is_fresh() {",
    "            if true {",
  ],
  [
    "rows that are presumed absent not compared",
    "flow/driver.rs",
    "        let written = state.host.write(view.changed(), view.seen()).await;",
    "        let mut seen = view.seen().clone();\n        seen.retain(|key| !jobs.iter().any(|job| job.step.makes(key)));\n        let written = state.host.write(view.changed(), &seen).await;",
  ],
  [
    "a token that somebody else has bought passed over",
    "flow/state.rs",
    "    fn knew(&self, key: &str, payment_hash: &PaymentHash, mark: u32) -> bool {\n",
    "    fn knew(&self, key: &str, payment_hash: &PaymentHash, mark: u32) -> bool {\n        return true;\n",
  ],
  [
    "its own record not found again",
    "ledger/begin.rs",
    "    let own = known.as_ref().filter(|known| known.owner == entered.owner && known.is_unsettled());",
    "    let own = known.as_ref().filter(|known| known.owner == entered.owner && known.is_reserved && !entered.is_reserved);",
  ],
  [
    "open payments stand in nobody's way",
    "ledger/begin.rs",
    "        if let Some(standing) = standing(view, draft, here, &mut counts) {",
    "        if let Some(standing) = standing(view, draft, here, &mut counts).filter(|_| false) {",
  ],
  [
    "no reserve for what is open",
    "ledger/record.rs",
    "State::Pending | State::Unknown => (amount_msat, self.max_fee_msat),",
    "State::Pending | State::Unknown => (0, 0),",
  ],
  [
    "limits not checked",
    "ledger/begin.rs",
    "        record.max_fee_msat = counts.reserve(view, levels, amount_msat, now_ms).or_else(|_| {",
    "        record.max_fee_msat = counts.reserve(view, &[], amount_msat, now_ms).map(|_| 5_000).or_else(|_| {",
  ],
  [
    "what was reserved by the dead not released where a limit refuses",
    "ledger/begin.rs",
    "            release_lapsed(view, draft, here, &mut counts);\n",
    "",
  ],
  ["leases not renewed", "flow/lease.rs", "take(state, Step::Renew { owner: owner.to_owned() }).await", "owner"],
  [
    "leases that lapse at once",
    "flow/leases.rs",
    "now_monotonic.saturating_sub(*since) > lease.lasts_ms.saturating_add(MARGIN_MS)",
    "now_monotonic.saturating_sub(*since) > MARGIN_MS",
  ],
  [
    "leases of the dead that never lapse",
    "flow/leases.rs",
    "now_monotonic.saturating_sub(*since) > lease.lasts_ms.saturating_add(MARGIN_MS)",
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
    "    if !record.is_unsettled() || record.owner != abandoned.owner || !is_allowed || !is_over {",
    "    if !record.is_unsettled() || !is_allowed {",
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
    "flow/driver.rs",
    "    run(state, step, Kind::Owed)",
    "    run(state, step, Kind::Taken)",
  ],
  [
    "what another is paying called unpaid",
    "flow/outcome.rs",
    "    if unproven == Unproven::NotPaid && now.payment.state != State::Failed {",
    "    if unproven == Unproven::NotPaid && now.payment.state != State::Failed && false {",
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
    "let is_asked = purchase.held_up_ms(&*state.host) <= LEASE_MS && now / 1000 < record.last_moment();",
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
    "    let settled = owe(state, Step::Paid { ours, proof: proof.clone(), was_news: Cell::default() }).await;\n",
    "    drop(owe(state, Step::Paid { ours, proof: proof.clone(), was_news: Cell::default() }));\n    let settled = Err(Failure::abandoned());\n",
  ],
  [
    "a late answer not recorded",
    "flow/outcome.rs",
    "    let _ = settle(&state, &scope, &record, told).await;",
    "    let _ = told.map(|_| settle(&state, &scope, &record, Err(Outcome::Silent)));",
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
    "flow/state.rs",
    "self.leases.has_lapsed(owner, lease, self.host.monotonic())",
    "self.leases.has_lapsed(owner, lease, self.host.now())",
  ],
  [
    "leases judged by the reader's own duration",
    "flow/leases.rs",
    "lease.lasts_ms.saturating_add(MARGIN_MS)",
    "LEASE_MS.saturating_add(MARGIN_MS)",
  ],
  [
    "a reservation whose owner lives released",
    "ledger/begin.rs",
    "record.owner == lock.owner && here.has_lapsed(&lock.owner, lease.as_ref()) {",
    "record.owner == lock.owner && (true || lease.is_some()) {",
  ],
  [
    "an order taken up whose owner lives",
    "ledger/settle.rs",
    "record.owner != abandoned.owner || !is_allowed || !is_over {",
    "record.owner != abandoned.owner || !is_allowed {",
  ],
  [
    "an order taken up that costs more than one payment may",
    "ledger/settle.rs",
    "record.owner != abandoned.owner || !is_allowed || !is_over {",
    "record.owner != abandoned.owner || !is_over {",
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
    "Counts::of(view, record, now_ms);",
    "Counts::of(view, &draft.record, now_ms);",
  ],
  [
    "released from the buckets of now",
    "ledger/sums.rs",
    "            self.subtract(at_ms, amounts, load);",
    "            self.subtract(at_ms.max(now_ms), amounts, load);",
  ],
  [
    "released below zero",
    "ledger/buckets.rs",
    "self.spent = self.spent.saturating_sub(other.spent);",
    "self.spent = self.spent.wrapping_sub(other.spent);",
  ],
  [
    "a bucket that leaves its window too early",
    "ledger/buckets.rs",
    "begin_ms.saturating_add(width_ms) > from_ms",
    "begin_ms > from_ms",
  ],
  [
    "minutes dropped without their quarters",
    "ledger/past.rs",
    "        sum.add(self.quarters.sum(QUARTER_MS, HOUR_MS, now_ms, self.minutes_from_ms));\n",
    "",
  ],
  [
    "the past of sums not written",
    "ledger/counts.rs",
    "    if let Some(past) = sums.changed_past() {",
    "    if let Some(past) = sums.changed_past().filter(|_| false) {",
  ],
  [
    "what the past adds to the windows not seen",
    "ledger/sums.rs",
    "        (self.hour, self.day) = (past.hour(now_ms), past.day(now_ms));\n",
    "",
  ],
  [
    "what others did while a person decided passed over",
    "ledger/begin.rs",
    "    if own.is_none() {\n        let (method, url)",
    "    if own.is_none() && draft.approved_fee_msat.is_none() {\n        let (method, url)",
  ],
  [
    "limits not checked again after a person decided",
    "ledger/begin.rs",
    "        record.max_fee_msat = counts.reserve(view, levels, amount_msat, now_ms).or_else(|_| {",
    "        record.max_fee_msat = counts.reserve(view, if draft.approved_fee_msat.is_some() { &[] } else { levels }, amount_msat, now_ms).or_else(|_| {",
  ],
  [
    "more of a fee than was approved",
    "ledger/begin.rs",
    "draft.approved_fee_msat.unwrap_or(u64::MAX).min(record.max_fee_msat);",
    "record.max_fee_msat;",
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
    "flow/driver.rs",
    "{ owed.borrow().clone() };",
    "{ owed.borrow().iter().filter(|job| !job.done.is_set()).cloned().collect() };",
  ],
  [
    "what could not be written not taken back",
    "flow/prepare.rs",
    "        state.host.spawn(take_back(state, quote, purchase));",
    "        drop(take_back(state, quote, purchase));",
  ],
  [
    "an invoice of another origin paid",
    "ledger/begin.rs",
    "        _ if known.payment.url.origin() != url.origin() => {",
    "        _ if known.payment.url.origin() != known.payment.url.origin() => {",
  ],
  [
    "an invoice that is out handed over again for something else",
    "ledger/begin.rs",
    'State::Pending | State::Unknown => payment_unknown("the wallet was asked to pay this invoice before"),',
    "State::Pending | State::Unknown => return Ok(None),",
  ],
  [
    "the lock of another taken away",
    "ledger/settle.rs",
    "    if lock.payment_hash == record.payment.payment_hash {",
    "    if lock.payment_hash == lock.payment_hash {",
  ],
  [
    "a reservation forgotten whose owner lives",
    "ledger/begin.rs",
    "(record.is_reserved || !record.is_forgotten(here.now_ms()))",
    "!record.is_forgotten(here.now_ms())",
  ],
  [
    "refusals passed over that only the instance knows",
    "ledger/begin.rs",
    "    let mut unaccepted = draft.unaccepted.clone();",
    "    let mut unaccepted = Unaccepted::default();",
  ],
  [
    "tokens that last longer replaced by a late one",
    "ledger/token.rs",
    "newer.expires_at().is_none_or(|newest| at <= newest)",
    "newer.expires_at().is_none_or(|newest| at > 0 || newest > 0)",
  ],
  ["not_honored forgotten", ...FORGOTTEN],
  ["not_honored by others passed over", ...OF_OTHERS],
  [
    "a call pays as often as it is asked",
    ...FORGOTTEN,
    "flow/next_step.rs",
    "if paid_now || !request.replayable",
    "if !request.replayable",
  ],
  [
    "deposits beyond the most that may be in sessions",
    "ledger/session.rs",
    "if held.saturating_add(amount) <= most_msat {",
    "if held.saturating_add(amount) < u64::MAX {",
  ],
  [
    "a deposit paid though the last one opened nothing",
    "flow/session.rs",
    "if let Some(token) = dishonored(&known) {",
    "if let Some(token) = dishonored(&[]) {",
  ],
  [
    "a deposit that others have paid passed over",
    "ledger/begin.rs",
    "if let Some(token) = draw.news(&session::deposits(view, draft.origin())) {",
    'if let Some(token) = draw.news(&session::deposits(view, "")) {',
    "flow/buy.rs",
    "if let Some(token) = news(state, request, draw).await? {",
    "if let Some(token) = news(state, request, draw).await?.filter(|_| false) {",
  ],
  [
    "a deposit paid beside an open payment for the same request",
    "ledger/begin.rs",
    "let apart = beside_sessions(draft);",
    "let apart = beside_sessions(draft).filter(|_| false);",
  ],
  [
    "a refund counted as often as it is told",
    "ledger/session.rs",
    "let Some(deposit) = deposit.filter(|deposit| deposit.received_msat < Some(msat)) else { return };\n    let mut news = msat.saturating_sub(deposit.received_msat.unwrap_or(0));",
    "let Some(deposit) = deposit else { return };\n    let mut news = msat;",
  ],
  [
    "the invoice for a refund not looked at",
    "flow/session.rs",
    "    check_return_invoice(&return_invoice, quote.invoice.network, state.host.now() / 1000)?;\n",
    "",
  ],
  [
    "what a server keeps not counted",
    "ledger/session.rs",
    "!self.stage.is_ended() || (self.is_missing() && self.received_msat.is_some())",
    "!self.stage.is_ended()",
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
