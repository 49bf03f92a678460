// The mutants of the core: for each safeguard, how it is taken out of the source. `mutants.mjs` runs them.

const CHECK = "    pub(crate) fn not_honored_in(&self, books: &Books, request: &Request) -> Option<Failure<H>> {\n";
const FORGOTTEN = [CHECK, `${CHECK}        if true {\n            return None;\n        }\n`];

/** Name, file of `src/`, then pairs: what stands there exactly once, and what the mutant has in its place. */
export const MUTANTS = [
  ["no journal entry before the wallet", "flow/prepare.rs", "        books.journal.put(entry.clone());\n", ""],
  [
    "no purchase lock",
    "flow/prepare.rs",
    "guards.push(self.lock(&purchase.key).await?);",
    "drop(self.lock(&purchase.key).await?);",
    "guards.push(self.lock(&purchase.resource).await?);",
    "drop(self.lock(&purchase.resource).await?);",
  ],
  [
    "no ledger lock",
    "flow/records.rs",
    "let _guard = self.host.lock(LEDGER_LOCK)",
    "let _ = self.host.lock(LEDGER_LOCK)",
  ],
  [
    "no reserve for what is open",
    "ledger/journal.rs",
    "State::Pending | State::Unknown => (payment.amount_msat, self.max_fee_msat),",
    "State::Pending | State::Unknown => (0, 0),",
  ],
  [
    "limits not checked again under the lock",
    "flow/prepare.rs",
    "let max_fee_msat = self.room(books, purchase, quote)?.min(approved_fee);",
    "let max_fee_msat = 5_000;",
  ],
  [
    "the store not read again",
    "flow/records.rs",
    "        self.read().await?;\n        change(",
    "        if self.books.borrow().stored[0].is_none() { self.read().await?; }\n        change(",
  ],
  [
    "open payments stand in nobody's way",
    "flow/recover.rs",
    "        entry.is_unsettled()\n            && entry.payment.origin",
    "        false\n            && entry.payment.origin",
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
    "flow/purchase.rs",
    "let is_asked = is_in_time && now / 1000 < entry.invoice_expires_at;",
    "let is_asked = is_in_time || true;",
  ],
  ["released on a throw", "flow/settle.rs", "(Left::Lookup, heard, unknown(", "(Left::Nothing, heard, unknown("],
  [
    "the proof not stored before the repeat",
    "flow/settle.rs",
    " = self.change_or_keep(enter).await;",
    " = (enter(&mut self.books.borrow_mut()), None::<Failure<H>>);",
  ],
  [
    "the journal written before the token",
    "flow/records.rs",
    "                (TOKENS, 1, books.tokens.to_text(), books.tokens.is_empty()),\n                (JOURNAL, 0, books.journal.to_text(), books.journal.is_empty()),\n",
    "                (JOURNAL, 0, books.journal.to_text(), books.journal.is_empty()),\n                (TOKENS, 1, books.tokens.to_text(), books.tokens.is_empty()),\n",
  ],
  [
    "a late answer not recorded",
    "flow/settle.rs",
    "Ok(proof) => drop(self.settle_paid(&entry, proof).await),",
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
    "        Fact::NotFound if dispatch.heard == Some(Heard::Known) => return OPEN,\n",
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
    "flow/settle.rs",
    "Answer::Failed { text, cause } if entry.dispatch.repeats > 0 => {",
    "Answer::Failed { text, cause } if entry.dispatch.repeats > 9 => {",
  ],
  [
    "a reservation that outlives its purchase",
    "flow/prepare.rs",
    "                other.reserved_msat.set(None);\n",
    "",
  ],
  [
    "a write that froze forgotten",
    "flow/records.rs",
    "            // Who passes over a write that froze must not take the store's word for all there is.\n            books.unsaved = true;\n",
    "",
  ],
  ["not_honored forgotten", "flow/call.rs", ...FORGOTTEN],
  [
    "a call pays as often as it is asked",
    "flow/call.rs",
    ...FORGOTTEN,
    "if paid_now || !request.replayable",
    "if !request.replayable",
  ],
];

/** The source with the mutant's changes in it. Throws where what it changes is not there exactly once. */
export function mutated([name, file, ...changes], source) {
  let after = source;
  for (let i = 0; i < changes.length; i += 2) {
    if (after.split(changes[i]).length !== 2)
      throw new Error(`${name}: what it changes is not there once in ${file}: ${changes[i]}`);
    after = after.replace(changes[i], () => changes[i + 1]);
  }
  return after;
}
