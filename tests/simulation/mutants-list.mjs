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
    "                if !release_lapsed(view, buyer, resource.origin, &mut counts)? {",
    "                if true {",
  ],
  ["leases not renewed", "flow/lease.rs", "state.ledger.take(move |view| renew_lease(view, &key)).await", "key"],
  [
    "leases that lapse at once",
    "flow/leases.rs",
    "                now_monotonic.saturating_sub(*since) > LEASE_MS.saturating_add(MARGIN_MS)",
    "                now_monotonic.saturating_sub(*since) > MARGIN_MS",
  ],
  [
    "leases of the dead that never lapse",
    "flow/leases.rs",
    "                now_monotonic.saturating_sub(*since) > LEASE_MS.saturating_add(MARGIN_MS)",
    "                now_monotonic < *since",
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
    "let is_expired = now_ms / 1000 > record.invoice_expires_at;",
    "let is_expired = true;",
  ],
  [
    "an order on its way forgotten",
    "ledger/certainty.rs",
    "let is_expired = now_ms / 1000 > record.invoice_expires_at;",
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
    "if owner == Owner::Us && dispatch.repeats == 0 {",
    "if owner == Owner::Us {",
  ],
  [
    "a refusal of a repeated order believed",
    "flow/outcome.rs",
    "Answer::Failed { text, cause } if record.dispatch.repeats > 0 => {",
    "Answer::Failed { text, cause } if record.dispatch.repeats > 9 => {",
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
