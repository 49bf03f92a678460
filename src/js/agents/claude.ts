import { createSdkMcpServer, type McpSdkServerConfigWithInstance } from "@anthropic-ai/claude-agent-sdk";
import type { PaidFetch } from "../core/fetch.js";
import { type McpOptions, registerTools } from "./mcp.js";

/**
 * The tools of `l402-fetch/agents` for Anthropic's Claude Agent SDK, as an MCP server in this process. Claude sees them
 * as `mcp__l402__l402_fetch` and so on, by the key under which the server is given.
 *
 * @throws {L402Error} `invalid_options`, naming what is wrong
 * @example
 * query({ prompt, options: { mcpServers: { l402: agentServer(pay) }, allowedTools: ["mcp__l402"] } });
 */
export function agentServer(pay: PaidFetch, options?: McpOptions): McpSdkServerConfigWithInstance {
  const server = createSdkMcpServer({ name: "l402" });
  registerTools(server.instance, pay, options);
  return server;
}
