// The tools for a server of the Model Context Protocol, written with the SDK's version 1 or 2. zod makes the schemas:
// both versions take and bring it.
import * as z from "zod/v4";
import type { PaidFetch } from "../core/fetch.js";
import { type Approve, integer } from "../core/options.js";
import type { PaymentEvent, Quote } from "../core/payment.js";
import { type AgentOptions, type AgentResult, agentTools, type InputSchema, type MemberSchema } from "./index.js";

/** The options of `registerTools`. */
export interface McpOptions extends AgentOptions {
  /**
   * Payments above so many satoshis, fee reserve included, need a person's consent: the client is asked to show a
   * question (elicitation). A client that can't show one is refused. Default: nobody is asked. `approveAbove` of
   * `createFetch` holds here, too: below it nobody is asked either.
   */
  approveAbove?: number | undefined;
}

/** The part of an `McpServer` that is used. */
export interface ToolServer {
  /** Asks and knows the client. */
  server: {
    /** What the client can do. */
    getClientCapabilities(): { elicitation?: unknown } | undefined;
    /** Shows a person a question. */
    // biome-ignore lint/suspicious/noExplicitAny: the versions of the SDK have types of their own
    elicitInput(params: any, options?: any): Promise<{ action: string }>;
  };
  /** Adds a tool. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  registerTool(name: string, config: any, callback: any): unknown;
}

/** How often a client hears that a payment is still under way, in milliseconds. Many wait for a minute only. */
const HEARTBEAT = 10_000;

/** How long a person may think, in milliseconds. */
const PATIENCE = 300_000;

/** What both versions tell a tool about its call, by the names of version 1. */
interface Call {
  signal: AbortSignal;
  requestId: unknown;
  _meta?: { progressToken?: unknown };
  sendNotification(notification: { method: string; params: object }): Promise<void>;
  /** Version 2: what a person has answered to questions of this call, by the names of the questions. */
  answers?: Record<string, Answer>;
  elicitation: boolean;
}
type Answer = { action?: unknown } | undefined;

/** A question that needs an answer, who is then paid, and the most that is then spent, in satoshis. */
interface Question {
  most: number;
  origin: string;
  message: string;
}

/**
 * Adds the tools of `agentTools` to an MCP server. Their results come as text, and as `structuredContent`. A client
 * that asks for progress hears of a payment's steps.
 *
 * @param server an `McpServer` of `@modelcontextprotocol/sdk` (1.x) or `@modelcontextprotocol/server` (2.x)
 * @throws {L402Error} `invalid_options`, naming what is wrong
 */
export function registerTools(server: ToolServer, pay: PaidFetch, options: McpOptions = {}): void {
  const { approveAbove, ...others } = options;
  if (approveAbove !== undefined) integer(approveAbove, "approveAbove");

  for (const { name, description, inputSchema, annotations, execute } of agentTools(pay, others)) {
    const config = { title: annotations.title, description, inputSchema: zodOf(inputSchema), annotations };
    server.registerTool(name, config, async (input: unknown, given: unknown) => {
      const call = callOf(given, server);
      const progress = progressOf(call);
      const consent = approveAbove === undefined ? undefined : consentOf(call, server, approveAbove);
      try {
        const approve = consent?.approve;
        const result = await execute(input, { signal: call.signal, approve, onEvent: progress.tell });
        const question = result.error?.code === "declined" ? consent?.unanswered : undefined;
        if (!question) return told(result);
        if (!call.elicitation)
          return told(withReason(result, "it needs a person's consent, and this client can't ask"));
        const saidNo = Object.values(call.answers ?? {}).some((answer) => answer?.action !== "accept");
        return saidNo ? told(result) : ask(question);
      } finally {
        progress.end();
      }
    });
  }
}

/**
 * Whether a person consents to what costs more than `above`. Version 1 asks within a call. Version 2 asks between two
 * calls, so in the first one the question stays unanswered.
 */
function consentOf(call: Call, { server }: ToolServer, above: number) {
  const consent = {
    unanswered: undefined as Question | undefined,
    approve: (async (quote, { maxFeeMsat, signal }) => {
      const most = Math.ceil((quote.amountMsat + maxFeeMsat) / 1000);
      if (most <= above) return true;
      const question = { most, origin: quote.origin, message: messageOf(quote, maxFeeMsat) };
      if (call.elicitation && !call.answers) {
        const asked = { timeout: PATIENCE, signal, relatedRequestId: call.requestId };
        return (await server.elicitInput(formOf(question), asked)).action === "accept";
      }
      const isYes = ([name, answer]: [string, Answer]) =>
        answer?.action === "accept" && most <= mostOf(name, quote.origin);
      if (Object.entries(call.answers ?? {}).some(isYes)) return true;
      consent.unanswered = question;
      return false;
    }) satisfies Approve,
  };
  return consent;
}

/** A result for the model. */
const told = (result: AgentResult) => ({
  content: [{ type: "text", text: JSON.stringify(result) }],
  // Without members that are undefined.
  structuredContent: JSON.parse(JSON.stringify(result)) as AgentResult,
  isError: "error" in result,
});

const withReason = (result: AgentResult, message: string) =>
  ({ ...result, error: { ...result.error, message } }) as AgentResult;

function callOf(given: unknown, { server }: ToolServer): Call {
  const { mcpReq } = given as { mcpReq?: Version2 };
  const can = (capabilities: { elicitation?: unknown } | undefined) => !!capabilities?.elicitation;
  if (!mcpReq) return { ...(given as Call), elicitation: can(server.getClientCapabilities()) };
  const { id, signal, _meta, notify, envelope, inputResponses = {} } = mcpReq;
  return {
    requestId: id,
    signal,
    ...(_meta && { _meta }),
    sendNotification: notify,
    answers: inputResponses,
    elicitation: can(envelope?.["io.modelcontextprotocol/clientCapabilities"] ?? server.getClientCapabilities()),
  };
}
interface Version2 {
  id: unknown;
  signal: AbortSignal;
  _meta?: { progressToken?: unknown };
  notify: Call["sendNotification"];
  envelope?: { "io.modelcontextprotocol/clientCapabilities"?: { elicitation?: unknown } };
  inputResponses?: NonNullable<Call["answers"]>;
}

const messageOf = ({ origin, amountSat, invoice }: Quote, maxFeeMsat: number) =>
  `Pay ${amountSat} sat, and at most ${Math.ceil(maxFeeMsat / 1000)} sat for routing, to ${origin}? ` +
  `The seller calls it ${JSON.stringify(invoice.description ?? "")}.`;

/** A form with nothing to fill in: it is accepted or declined. */
const formOf = ({ message }: Question) => ({
  mode: "form",
  message,
  requestedSchema: { type: "object", properties: {} },
});

/**
 * Asks in version 2: the call comes again, with the answer under the same name. By then the server may have another
 * price, or redirect to another seller.
 */
const ask = (question: Question) => ({
  resultType: "input_required",
  inputRequests: {
    [`pay_${question.most}_sat_to_${question.origin}`]: { method: "elicitation/create", params: formOf(question) },
  },
});
/** The most that a person has consented to pay this origin by the answer of this name. */
function mostOf(name: string, origin: string) {
  const [, most, to] = /^pay_(\d+)_sat_to_(.*)$/.exec(name) ?? [];
  return to === origin ? Number(most) : Number.NaN;
}

/** Tells the client of a payment's steps, and that it is still under way. */
function progressOf({ _meta, sendNotification }: Call) {
  const progressToken = _meta?.progressToken;
  let progress = 0;
  let timer: ReturnType<typeof setInterval> | undefined;
  const send = (message: string) => {
    const params = { progressToken, progress: ++progress, message };
    if (progressToken !== undefined) sendNotification({ method: "notifications/progress", params }).catch(() => {});
  };
  return {
    tell(event: PaymentEvent) {
      if (event.type === "quote") send(`the price is ${event.quote.amountSat} sat`);
      if (event.type === "paid") send("paid, and sending the request again");
      if (event.type !== "paying") return;
      send(`paying ${event.payment.amountSat} sat`);
      timer ??= setInterval(() => send("still under way"), HEARTBEAT);
    },
    end: () => clearInterval(timer),
  };
}

const zodOf = ({ properties, required }: InputSchema) =>
  z.strictObject(
    Object.fromEntries(
      Object.entries(properties).map(([name, schema]) => {
        const member = memberOf(schema);
        const described = schema.description ? member.describe(schema.description) : member;
        return [name, required.includes(name) ? described : described.optional()];
      }),
    ),
  );

function memberOf({ type, enum: allowed, minimum = 0, maximum = 0 }: MemberSchema) {
  if (type === "integer") return z.number().int().min(minimum).max(maximum);
  // A record would have `propertyNames` in its schema, which some models' APIs refuse.
  if (type === "object") return z.object({}).catchall(z.string());
  return allowed ? z.enum(allowed) : z.string();
}
