// Every code block of the README, in order: how it is run, and what it must cost. `payments` are counted by the paywall.
// What a block prints is compared with the comment behind its console.log.
export const EXAMPLES = [
  { heading: "l402-fetch", as: "shell" },
  { heading: "Smallest example", as: "node", payments: 1 },
  { heading: "Limits", as: "node", payments: 1 },
  { heading: "Options", as: "node", payments: 1 },
  { heading: "LND", as: "node", payments: 1 },
  { heading: "Core Lightning", as: "node", payments: 1 },
  { heading: "phoenixd", as: "node", payments: 1 },
  { heading: "LNbits", as: "node", payments: 1 },
  { heading: "Nostr Wallet Connect", as: "node", payments: 1 },
  { heading: "Any other wallet", as: "node", payments: 1 },
  { heading: "When the outcome is unknown", as: "node", scene: "lost answer", payments: 1 },
  { heading: "Stores", as: "node", payments: 1 },
  {
    heading: "Stores",
    as: "worker",
    capnp: [
      'bindings = [(name = "LEDGER", durableObjectNamespace = "L402Ledger")],',
      'durableObjectNamespaces = [(className = "L402Ledger", uniqueKey = "readme", enableSql = true)],',
      "durableObjectStorage = (inMemory = void),",
    ],
    payments: 1,
  },
  {
    heading: "Stores",
    as: "types",
    // the same as the package's, member by member
    also: `import type { Store as Real } from "l402-fetch";
      const real: Required<Real> = undefined as unknown as Required<Store>;
      const shown: Required<Store> = real;
      void shown;`,
  },
  { heading: "Errors", as: "node", payments: 0 },
  { heading: "Events and receipts", as: "node", payments: 1 },
  { heading: "In a page", as: "page", payments: 1 },
  { heading: "In a Worker", as: "worker", payments: 1 },
  { heading: "By hand", as: "node", payments: 1 },
  { heading: "By hand", as: "node", payments: 1 },
  { heading: "The Rust crate", as: "cargo" },
  { heading: "The Rust crate", as: "doctest" },
  { heading: "Development", as: "shell" },
];
