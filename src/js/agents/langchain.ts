import { type StructuredToolInterface, tool } from "@langchain/core/tools";
import type { PaidFetch } from "../core/fetch.js";
import { type AgentOptions, agentTools as toolsOf } from "./index.js";

/**
 * The tools of `l402-fetch/agents` for LangChain.js and LangGraph. Their results are JSON.
 *
 * @throws {L402Error} `invalid_options`, naming what is wrong
 * @example
 * const agent = createAgent({ model, tools: agentTools(pay) });
 */
export const agentTools = (pay: PaidFetch, options?: AgentOptions): StructuredToolInterface[] =>
  toolsOf(pay, options).map(({ name, description, inputSchema: schema, execute }) =>
    tool(
      async (input: unknown, config?: { signal?: AbortSignal }) =>
        JSON.stringify(await execute(input, { signal: config?.signal })),
      { name, description, schema },
    ),
  );
