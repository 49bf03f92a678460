import { createTool, type ToolAction } from "@mastra/core/tools";
import type { PaidFetch } from "../core/fetch.js";
import { type AgentOptions, agentTools as toolsOf } from "./index.js";

/**
 * The tools of `l402-fetch/agents` for Mastra, by their names.
 *
 * @throws {L402Error} `invalid_options`, naming what is wrong
 * @example
 * const agent = new Agent({ id: "buyer", name: "Buyer", instructions, model, tools: agentTools(pay) });
 */
export function agentTools(pay: PaidFetch, options?: AgentOptions): Record<string, ToolAction> {
  return Object.fromEntries(
    toolsOf(pay, options).map(({ name, description, inputSchema, execute }) => [
      name,
      createTool({
        id: name,
        description,
        inputSchema,
        execute: (input: unknown, context?: { abortSignal?: AbortSignal }) =>
          execute(input, { signal: context?.abortSignal }),
      }),
    ]),
  );
}
