import { type FunctionTool, tool } from "@openai/agents";
import type { PaidFetch } from "../core/fetch.js";
import { type AgentOptions, agentTools as toolsOf } from "./index.js";

/**
 * The tools of `l402-fetch/agents` for OpenAI's Agents SDK.
 *
 * @throws {L402Error} `invalid_options`, naming what is wrong
 * @example
 * const agent = new Agent({ name: "buyer", tools: agentTools(pay) });
 */
export const agentTools = (pay: PaidFetch, options?: AgentOptions): FunctionTool[] =>
  toolsOf(pay, options).map(({ name, description, inputSchema, execute }) =>
    tool({
      name,
      description,
      // A strict schema would have no optional members. The input is checked here.
      strict: false,
      parameters: { ...inputSchema, additionalProperties: true },
      execute: (input: unknown, _context?: unknown, details?: { signal?: AbortSignal }) =>
        execute(input, { signal: details?.signal }),
    }),
  );
