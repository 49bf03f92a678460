// What some platforms have that the types of the DOM do not know. Only what is used here is declared.

/** In workerd alone. */
declare const WebSocketPair: unknown;
/** In workers, and in older workerd. */
declare function importScripts(...urls: string[]): void;
/** In CommonJS: the folder of this file. */
declare const __dirname: string;

declare module "node:fs" {
  export function readFileSync(path: string | URL): Uint8Array<ArrayBuffer>;
}

/** What is used of the package of that name. */
declare module "@getalby/sdk/nwc" {
  export class NWCClient {
    constructor(options: { nostrWalletConnectUrl: string });
    close(): void;
    payInvoice(args: { invoice: string }): Promise<{ preimage: string; fees_paid?: number }>;
  }
  export class Nip47NetworkError extends Error {}
  export class Nip47UnsupportedEncryptionError extends Error {}
  export class Nip47WalletError extends Error {}
}

declare module "zod/v4" {
  interface Schema {
    describe(text: string): Schema;
    optional(): Schema;
  }
  interface NumberSchema extends Schema {
    int(): NumberSchema;
    min(least: number): NumberSchema;
    max(most: number): NumberSchema;
  }
  export function string(): Schema;
  export function number(): NumberSchema;
  export function object(shape: Record<string, Schema>): { catchall(value: Schema): Schema };
  export { enumOf as enum };
  function enumOf(values: readonly string[]): Schema;
  export function strictObject(shape: Record<string, Schema>): Schema;
}

declare module "ai" {
  export type ToolSet = Record<string, unknown>;
  export function jsonSchema(schema: unknown): unknown;
}

declare module "@openai/agents" {
  export interface FunctionTool {
    name: string;
  }
  export function tool(options: object): FunctionTool;
}

declare module "@langchain/core/tools" {
  export interface StructuredToolInterface {
    name: string;
  }
  export function tool(
    run: (input: unknown, config?: object) => Promise<string>,
    fields: object,
  ): StructuredToolInterface;
}

declare module "@mastra/core/tools" {
  export interface ToolAction {
    id: string;
  }
  export function createTool(options: object): ToolAction;
}

declare module "@anthropic-ai/claude-agent-sdk" {
  export interface McpSdkServerConfigWithInstance {
    instance: import("./agents/mcp.js").ToolServer;
  }
  export function createSdkMcpServer(options: { name: string }): McpSdkServerConfigWithInstance;
}
