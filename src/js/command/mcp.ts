// `mcp`: a server of the Model Context Protocol over standard input and output. A file of its own has it, with the SDK.
import { McpServer } from "@modelcontextprotocol/server";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import { registerTools } from "../agents/mcp.js";
import type { PaidFetch } from "../core/fetch.js";

/** What the server is called, and which hosts of one's own a model may reach. */
export interface Served {
  version: string;
  allow: string[];
}

/** Serves the tools for agents. Resolves once the client has gone. */
export async function serve(pay: PaidFetch, { version, allow }: Served): Promise<void> {
  const server = new McpServer({ name: "l402-fetch", version });
  registerTools(server, pay, { allow });
  const gone = new Promise<void>((done) => {
    server.server.onclose = done;
  });
  await server.connect(new StdioServerTransport(process.stdin, process.stdout));
  await gone;
}
