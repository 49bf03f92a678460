// Every code block of each page, in order: how it is run, and what it must cost. `payments` are counted by the paywall.
// What a block prints is compared with the comment behind its console.log.
export const EXAMPLES = {
  "README.md": [
    { heading: "l402-fetch", as: "shell" },
    { heading: "l402-fetch", as: "node", payments: 1 },
    { heading: "Try it, test it", as: "shell" },
  ],
  "docs/command.md": [
    { heading: "The command", as: "terminal", payments: 1 },
    { heading: "Limits and settings", as: "settings" },
    { heading: "An MCP server", as: "mcpServers" },
  ],
  "SKILL.md": [{ heading: "l402-fetch", as: "node", payments: 1 }],
  "docs/agents.md": [
    { heading: "Agents", as: "node", payments: 1 },
    { heading: "Frameworks", as: "agents", scene: "scripted model", payments: 1 },
    { heading: "An MCP server", as: "agents" },
  ],
  "docs/demo.md": [{ heading: "The demo", as: "shell" }],
  "docs/errors.md": [{ heading: "Errors", as: "node", payments: 0 }],
  "docs/events.md": [{ heading: "Events and receipts", as: "node", payments: 1 }],
  "docs/how-it-works.md": [
    { heading: "By hand", as: "node", payments: 1 },
    { heading: "By hand", as: "node", payments: 1 },
  ],
  "docs/options.md": [
    { heading: "Options", as: "node", payments: 1 },
    { heading: "Limits", as: "node", payments: 1 },
    { heading: "What was paid", as: "node", payments: 1 },
  ],
  "docs/runtimes.md": [
    { heading: "When the core is loaded", as: "node", payments: 1 },
    { heading: "In a page", as: "page", payments: 1 },
    { heading: "In a Worker", as: "worker", payments: 1 },
  ],
  "docs/rust.md": [
    { heading: "The Rust crate", as: "cargo" },
    { heading: "The Rust crate", as: "doctest" },
  ],
  "docs/scopes.md": [{ heading: "Scopes", as: "node", payments: 1 }],
  "docs/sessions.md": [{ heading: "Sessions", as: "node", payments: 1 }],
  "docs/stores.md": [
    { heading: "SQLite", as: "node24", payments: 1 },
    {
      heading: "Cloudflare Workers",
      as: "worker",
      capnp: [
        'bindings = [(name = "LEDGER", durableObjectNamespace = "L402Ledger")],',
        'durableObjectNamespaces = [(className = "L402Ledger", uniqueKey = "readme", enableSql = true)],',
        'durableObjectStorage = (localDisk = "disk"),',
      ],
      payments: 1,
    },
    { heading: "PostgreSQL", as: "postgres", payments: 1 },
    { heading: "Redis", as: "redis", payments: 1 },
    { heading: "A store of your own", as: "node", payments: 1 },
    {
      heading: "A store of your own",
      as: "types",
      // the same as the package's, member by member
      also: `import type { Store as Real } from "l402-fetch";
      const real: Required<Real> = undefined as unknown as Required<Store>;
      const shown: Required<Store> = real;
      void shown;`,
    },
  ],
  "docs/testing.md": [
    { heading: "Testing your own code", as: "nodeTest" },
    { heading: "Vitest, Jest and Workers", as: "vitest" },
    { heading: "Vitest, Jest and Workers", as: "jest" },
    { heading: "What can go wrong", as: "node" },
  ],
  "docs/wallets.md": [
    { heading: "Invoices of your own", as: "node" },
    { heading: "Any other wallet", as: "node", payments: 1 },
    { heading: "When the outcome is unknown", as: "node", scene: "lost answers", payments: 1 },
    { heading: "When the outcome is unknown", as: "node", scene: "open payment", payments: 1 },
  ],
  "docs/wallets/cln.md": [{ heading: "Core Lightning", as: "node", payments: 1 }],
  "docs/wallets/env.md": [{ heading: "A wallet from the environment", as: "node", scene: "one wallet", payments: 1 }],
  "docs/wallets/lnbits.md": [{ heading: "LNbits", as: "node", payments: 1 }],
  "docs/wallets/lnd.md": [{ heading: "LND", as: "node", payments: 1 }],
  "docs/wallets/nwc.md": [{ heading: "Nostr Wallet Connect", as: "node", payments: 1 }],
  "docs/wallets/phoenixd.md": [{ heading: "phoenixd", as: "node", payments: 1 }],
  "docs/wallets/webln.md": [{ heading: "WebLN", as: "node", payments: 1 }],
};
