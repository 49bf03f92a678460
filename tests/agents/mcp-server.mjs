// An MCP server over stdio: `mcp-server.mjs VERSION STORE`, with the SDK of that version and the SQLite store there.
import "./resolve.mjs";
import { sqliteStore } from "../../dist/stores/sqlite.js";
import { ALONE, openShop } from "./shop.mjs";

const [version, store] = process.argv.slice(2);
const { registerTools } = await import("../../dist/agents/mcp.js");
const [{ McpServer }, { StdioServerTransport }] = await (version === "1"
  ? Promise.all([
      import("@modelcontextprotocol/sdk/server/mcp.js"),
      import("@modelcontextprotocol/sdk/server/stdio.js"),
    ])
  : Promise.all([import("@modelcontextprotocol/server"), import("@modelcontextprotocol/server/stdio")]));

const server = new McpServer({ name: "l402", version: "1.0.0" });
registerTools(server, openShop({ store: sqliteStore(store) }).pay, ALONE);
await server.connect(new StdioServerTransport());
