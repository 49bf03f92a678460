// The mutants of the core: for each safeguard, how it is taken out of the source. `mutants.mjs` runs them.

const CHECK = "    let (url, now) = (&request.url, state.host.now());\n    let payment =";
const FORGOTTEN = ["flow/tokens.rs", CHECK, `    if true {\n        return None;\n    }\n${CHECK}`];

/**
 * Each mutant is a name, then a file of `src/`, then pairs. The first of a pair is a text that stands exactly once in
 * the file. The second replaces it. Further files may follow in the same way.
 */
export const MUTANTS = [
  ["no journal entry before the wallet", "flow/prepare.rs", "    records.journal.put(entry.clone());\n", ""],
  [
    "no purchase lock",
    "flow/prepare.rs",
    "guards.push(lock_purchase(&state.host, &purchase.key).await?);",
    "drop(lock_purchase(&state.host, &purchase.key).await?);",
    "guards.push(lock_purchase(&state.host, &purchase.resource).await?);",
    "drop(lock_purchase(&state.host, &purchase.resource).await?);",
  ],
  ["no ledger lock", "flow/shared_records.rs", "let _lock = host.lock(LEDGER_LOCK)", "let _ = host.lock(LEDGER_LOCK)"],
  [
    "no reserve for what is open",
    "ledger/entry.rs",
    "State::Pending | State::Unknown => (payment.amount_msat, self.max_fee_msat),",
    "State::Pending | State::Unknown => (0, 0),",
  ],
  [
    "limits not checked again under the lock",
    "flow/prepare.rs",
    "let max_fee_msat = room(state, records, purchase, quote)?.min(approved_fee);",
    "let max_fee_msat = 5_000;",
  ],
  [
    "the store not read again",
    "flow/shared_records.rs",
    "        self.read(host).await?;\n        change(",
    "        if self.stored.borrow()[0].is_none() { self.read(host).await?; }\n        change(",
  ],
  [
    "open payments stand in nobody's way",
    "flow/recover.rs",
    "    entry.is_unsettled()\n        && entry.payment.url.origin()",
    "    false\n        && entry.payment.url.origin()",
  ],
  [
    "a lookup's failed believed by anybody",
    "ledger/certainty.rs",
    "if owner == Owner::Alive || !is_same {",
    "if false {",
    "let is_expired = now_ms / 1000 > entry.invoice_expires_at;",
    "let is_expired = true;",
  ],
  [
    "an order on its way forgotten",
    "ledger/certainty.rs",
    "let is_expired = now_ms / 1000 > entry.invoice_expires_at;",
    "let is_expired = true;",
  ],
  [
    "who was held up asks the wallet all the same",
    "flow/buy.rs",
    "let is_asked = is_in_time && now / 1000 < entry.invoice_expires_at;",
    "let is_asked = is_in_time || true;",
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
    " = state.records.change_or_keep(&state.host, enter).await;",
    " = (enter(&mut state.records.borrow_mut()), None::<Failure<H>>);",
  ],
  [
    "the journal written before the token",
    "flow/shared_records.rs",
    "                (TOKENS, 1, records.tokens.to_text(), records.tokens.is_empty()),\n                (JOURNAL, 0, records.journal.to_text(), records.journal.is_empty()),\n",
    "                (JOURNAL, 0, records.journal.to_text(), records.journal.is_empty()),\n                (TOKENS, 1, records.tokens.to_text(), records.tokens.is_empty()),\n",
  ],
  [
    "a late answer not recorded",
    "flow/outcome.rs",
    "Ok(proof) => drop(settle_paid(&state, &entry, proof).await),",
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
    "Answer::Failed { text, cause } if entry.dispatch.repeats > 0 => {",
    "Answer::Failed { text, cause } if entry.dispatch.repeats > 9 => {",
  ],
  [
    "a reservation that outlives its purchase",
    "flow/purchase.rs",
    "                other.reserved_msat.set(None);\n",
    "",
  ],
  [
    "a write that froze forgotten",
    "flow/shared_records.rs",
    "            self.unsaved.set(true);\n            Ok(())",
    "            Ok(())",
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
