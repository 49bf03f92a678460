// Each adapter is used as its framework's types want it. Checked by tsc, never run.
import { type McpSdkServerConfigWithInstance, query } from "@anthropic-ai/claude-agent-sdk";
import type { StructuredToolInterface } from "@langchain/core/tools";
import { Agent as MastraAgent } from "@mastra/core/agent";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer as McpServer2 } from "@modelcontextprotocol/server";
import { Agent, type FunctionTool } from "@openai/agents";
import { generateText, type LanguageModel, type ToolSet } from "ai";
import { createFetch } from "l402-fetch";
import { type AgentOptions, agentTools } from "l402-fetch/agents";
import { agentTools as forAiSdk } from "l402-fetch/agents/ai-sdk";
import { agentServer } from "l402-fetch/agents/claude";
import { agentTools as forLangChain } from "l402-fetch/agents/langchain";
import { agentTools as forMastra } from "l402-fetch/agents/mastra";
import { type McpOptions, registerTools } from "l402-fetch/agents/mcp";
import { agentTools as forOpenAi } from "l402-fetch/agents/openai-agents";
import { createAgent } from "langchain";

/** Fails to compile unless A and B are the same type: any is no other one. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : never;
function is<_T extends true>(): void {}

const pay = createFetch({ wallet: async () => "00".repeat(32), limits: { perPayment: 100 } });
const options: AgentOptions = { allow: ["localhost"], maxBodyBytes: 5 };
agentTools(pay, options);

declare const model: LanguageModel & string;
is<Same<ReturnType<typeof forAiSdk>, ToolSet>>();
await generateText({ model, tools: forAiSdk(pay, options), prompt: "x" });
await generateText({ model, tools: { ...forAiSdk(pay) }, prompt: "x" });

is<Same<ReturnType<typeof forOpenAi>, FunctionTool[]>>();
new Agent({ name: "buyer", tools: forOpenAi(pay, options) });

is<Same<ReturnType<typeof forLangChain>, StructuredToolInterface[]>>();
createAgent({ model, tools: forLangChain(pay, options) });

new MastraAgent({ id: "buyer", name: "Buyer", instructions: "", model, tools: forMastra(pay, options) });

is<Same<ReturnType<typeof agentServer>, McpSdkServerConfigWithInstance>>();
query({ prompt: "x", options: { mcpServers: { l402: agentServer(pay, { ...options, approveAbove: 5 }) } } });

const mcpOptions: McpOptions = { ...options, approveAbove: 5 };
registerTools(new McpServer({ name: "a", version: "1" }), pay, mcpOptions);
registerTools(new McpServer2({ name: "a", version: "1" }), pay);
