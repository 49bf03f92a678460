// What the tools do. It is loaded at the first call of one.
import type { L402Error } from "../core/error.js";
import { type Load, type PaidFetch, parser, receiptOf } from "../core/fetch.js";
import type { Payment } from "../core/payment.js";
import { type Lookup, mustBeInReach, resolved } from "./address.js";
import { price, refusal, refused, told, untrusted } from "./answer.js";
import { readBody } from "./body.js";
import type { AgentContext, AgentResult, InputSchema } from "./index.js";
import { type Asked, type Input, invalid, readInput, readRequest } from "./input.js";

/** The tools, by the ends of their names. */
export type Name = "fetch" | "quote" | "spent" | "payments" | "decode";
type Run = (input: Input, context: AgentContext) => Promise<AgentResult>;

/** What the tools work with. */
export interface Settings {
  pay: PaidFetch;
  load: Load;
  /** Host patterns as `host` of the options writes them. */
  allowed: readonly string[];
  maxBodyBytes: number;
  lookup: Lookup | undefined;
}

/** Headers of an answer that a model can use. Those that sell or prove something are not among them. */
const TOLD = /^(content-(type|length|range|language|disposition)|etag|last-modified|link|location|retry-after)$/;

/** Headers that follow a redirect to another origin. A model may have put a key into any other. */
const HARMLESS = /^accept/i;

/** A page's cookies are its user's credentials. Runtimes without any know no such member, and workerd refuses it. */
const NO_COOKIES = new Request("http://a.example").credentials && ({ credentials: "omit" } as const);

/** As many redirects are followed as browsers follow. */
const MAX_REDIRECTS = 20;

/** Runs a tool. Rejects only if `context.signal` is aborted. */
export async function call(
  name: Name,
  schema: InputSchema,
  { pay, load, allowed, maxBodyBytes, lookup = resolved }: Settings,
  input: unknown,
  context: AgentContext,
): Promise<AgentResult> {
  const { signal, approve, onEvent } = context;
  const mustReach = (url: URL) => mustBeInReach(url, (url) => allowed.some((pattern) => isOf(pattern, url)), lookup);
  /** undefined if the store does not tell. */
  const remaining = (url: string) => pay.remaining(url).catch(() => undefined);
  const manual = { redirect: "manual", ...NO_COOKIES, ...(signal && { signal }) } as const;
  let paid: Payment | undefined;

  /**
   * Sends a request. Redirects of GET and HEAD are followed by hand, so that each address is checked. Gives the last
   * response and its URL.
   */
  async function send(paying: PaidFetch, { url, init }: Asked) {
    for (let hops = 0; ; hops++) {
      await mustReach(url);
      const response = await paying(url.href, { ...init, ...manual });
      if (response.type === "opaqueredirect") throw new TypeError("it redirects, and a page can't see where to");
      // A fetch of the developer's own may have followed one after all. Then at least nothing of it is told.
      if (response.redirected) await mustReach(new URL(response.url));
      const to = response.status > 300 && response.status < 400 && response.headers.get("location");
      if (!to || !/^[GH]E/.test(init.method) || hops === MAX_REDIRECTS) return [response, url.href] as const;
      drop(response);
      // The runtime's own error may quote what the server wrote, outside of what is marked.
      if (!URL.canParse(to, url.href)) throw new TypeError("it redirects to something that is no URL");
      const next = new URL(to, url);
      if (next.origin !== url.origin) {
        const headers = Object.entries(init.headers).filter(([name]) => HARMLESS.test(name));
        init = { ...init, headers: Object.fromEntries(headers) };
      }
      url = next;
    }
  }

  const tools: Record<Name, Run> = {
    async fetch({ max_sats: maxSats, ...input }) {
      let untouched: string | undefined;
      const paying = pay.within({
        // At most one payment, wherever redirects lead.
        limits: { ...(maxSats !== undefined && { perPayment: maxSats as number }), payments: { perDay: 1 } },
        approve,
        onEvent(event) {
          if (event.type === "paid") paid = event.payment;
          if (event.type === "unpayable") untouched = event.reason;
          onEvent?.(event);
        },
      });
      const [response, url] = await send(paying, readRequest(input));
      const { status, headers } = response;
      const receipt = receiptOf(response);
      const payment = receipt?.payment ?? paid;
      const { body, ...form } = await readBody(response, maxBodyBytes, signal);
      const error = status === 402 && untouched && refused(untouched, "the server takes no payment that we can make");
      return {
        ...(error && { error }),
        status,
        url,
        paid_sats: paid ? Math.ceil((paid.amountMsat + paid.feeMsat) / 1000) : 0,
        ...(payment && { payment: told(payment), remaining_sats: await remaining(url) }),
        ...form,
        untrusted_content: untrusted({
          headers: Object.fromEntries([...headers].filter(([name]) => TOLD.test(name))),
          body,
          attested: receipt?.attested,
        }),
      };
    },

    async quote(input) {
      const { url, init } = readRequest(input);
      await mustReach(url);
      const quote = await pay.quote(url.href, { ...init, ...manual });
      const nothing = {
        price_sats: 0,
        message: "free, bought already, or a redirect: l402_fetch with max_sats 0 tells",
      };
      return { ...(quote ? price(quote) : nothing), remaining_sats: await remaining(url.href) };
    },

    async spent({ origin }) {
      const of = origin as string | undefined;
      return { spent_sats: await pay.spent(of), remaining_sats: await pay.remaining(of) };
    },

    async payments({ limit = 20, ...filter }) {
      const payments = await pay.payments({ ...filter, limit: limit as number });
      const descriptions = payments.map(({ description }) => description);
      return { payments: payments.map(told), untrusted_content: untrusted({ descriptions }) };
    },

    async decode(input) {
      const [[kind, text] = [], more] = Object.entries(input as Record<string, string>);
      if (!kind || !text || more) throw invalid("give one of invoice, macaroon, header");
      const parse = () => {
        if (kind === "invoice") return parser(load, "decodeInvoice")(text);
        if (kind === "macaroon") return parser(load, "decodeMacaroon")(text);
        // PAYMENT-REQUIRED is one long word, WWW-Authenticate never.
        const isRequired = /^[\w+/-]{40,}=*$/.test(text);
        return parser(load, "parseChallenges")(isRequired ? new Headers({ "payment-required": text }) : text);
      };
      return { untrusted_content: untrusted({ [kind]: await parse() }) };
    },
  };

  try {
    return await tools[name](readInput(input, schema), context);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    const { quote, response, payment = paid } = Object(error) as Partial<L402Error>;
    if (response) drop(response);
    const url = (payment ?? quote)?.url;
    return {
      error: refusal(error, !!paid),
      ...(quote && price(quote)),
      ...(payment && { payment: told(payment) }),
      ...(url && { remaining_sats: await remaining(url) }),
    };
  }
}

/** Lets go of a body that nobody will read. */
function drop({ body }: Response) {
  body?.cancel?.().catch(() => {});
}

/** Whether a URL is of a host pattern, or of an origin. */
function isOf(pattern: string, { origin, protocol, hostname, port }: URL) {
  const at = `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
  const ending = pattern.replace(/^\*/, "");
  return [origin, hostname, at].some((name) => (ending === pattern ? name === pattern : name.endsWith(ending)));
}
