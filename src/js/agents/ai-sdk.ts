import { jsonSchema, type ToolSet } from "ai";
import type { PaidFetch } from "../core/fetch.js";
import { type AgentOptions, agentTools as toolsOf } from "./index.js";

/**
 * The tools of `l402-fetch/agents` for Vercel's AI SDK, by their names.
 *
 * @throws {L402Error} `invalid_options`, naming what is wrong
 * @example
 * await generateText({ model, tools: agentTools(pay), stopWhen: isStepCount(5), prompt });
 */
export function agentTools(pay: PaidFetch, options?: AgentOptions): ToolSet {
  return Object.fromEntries(
    toolsOf(pay, options).map(({ name, annotations, description, inputSchema, execute }) => [
      name,
      {
        title: annotations.title,
        description,
        inputSchema: jsonSchema(inputSchema),
        execute: (input: unknown, { abortSignal }: { abortSignal?: AbortSignal | undefined }) =>
          execute(input, { signal: abortSignal }),
      },
    ]),
  );
}
