// Streams of an MPP session: a server that has used up the deposit says so within the stream, and waits for another
// (draft-lightning-session-00, section Streaming and Per-Chunk Billing).

const NEED = "payment-need-topup";
// An event that is longer is none of ours.
const MOST = 10_000;

/**
 * A response whose stream of events (text/event-stream) is read along: for each event that asks for a deposit `topUp`
 * is called with the session, one at a time. It is a Response of this realm with the same status, headers and address,
 * and its body is a stream that goes no faster than its reader. Any other response comes back as it is.
 *
 * @internal
 */
export function watched(response: Response, topUp: (session: string) => Promise<void>): Response {
  if (!isStream(response)) return response;
  const { status, statusText, headers, url, redirected, type } = response;
  /** The need that a deposit is being paid for, and one that came meanwhile. */
  let [paying, next]: (Need | undefined)[] = [];
  async function pay(need: Need) {
    paying = need;
    await topUp(need.session).catch(() => {});
    const then = next;
    paying = next = undefined;
    if (then) pay(then);
  }
  const read = events((event, data) => {
    const need = event === NEED ? needOf(data) : undefined;
    if (!need) return;
    if (!paying) pay(need);
    // The server goes on before its answer to the deposit is here. A reminder of the same need is none of its own.
    else if (!(need.spent <= paying.spent)) next = need;
  });
  const body = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        controller.enqueue(chunk);
        read(chunk);
      },
    }),
  );
  const copy = new Response(body, { status, statusText, headers });
  const as = (value: unknown) => ({ value, enumerable: true, configurable: true });
  return Object.defineProperties(copy, { url: as(url), redirected: as(redirected), type: as(type) });
}

function isStream(response: Response): response is Response & { body: NonNullable<Response["body"]> } {
  try {
    const { status, statusText, headers, body } = response;
    if (!/^text\/event-stream\b/i.test(headers.get("content-type") ?? "") || !body) return false;
    // What can't be copied is left whole: it was paid for.
    new Response(null, { status, statusText, headers });
    return body instanceof ReadableStream && !response.bodyUsed && !body.locked;
  } catch {
    return false; // a fetch of the user's own may give anything
  }
}

interface Need {
  session: string;
  /** What the server has used of the session when it stopped, in satoshis. */
  spent: number;
}

function needOf(data: string): Need | undefined {
  try {
    const { sessionId, balanceSpent } = JSON.parse(data);
    const isSession = typeof sessionId === "string" && /^[\da-f]{64}$/.test(sessionId);
    return isSession ? { session: sessionId, spent: Number(balanceSpent) } : undefined;
  } catch {
    return undefined;
  }
}

/** Reads a stream of events, by its lines: each event by its name and its data. */
function events(tell: (event: string, data: string) => void) {
  const decoder = new TextDecoder();
  let [rest, event, data] = ["", "", ""];
  let [isAfterCr, isLong] = [false, false];
  return (chunk: Uint8Array) => {
    let text = decoder.decode(chunk, { stream: true });
    // A line may end with a CR alone, and its LF may come later. The server waits, so the event is told now.
    if (isAfterCr && text) text = text.replace(/^\n/, "");
    isAfterCr = text ? text.endsWith("\r") : isAfterCr;
    const lines = (rest + text).split(/\r\n|\n|\r/);
    rest = lines.pop() as string;
    for (const line of lines) {
      // The end of a line whose beginning was dropped is none of its own.
      if (isLong) {
        isLong = false;
        continue;
      }
      const [, name, value = ""] = /^(event|data): ?(.*)$/s.exec(line) ?? [];
      if (name === "event") event = value;
      else if (name === "data" && data.length < MOST) data += value;
      else if (line === "") {
        if (event) tell(event, data);
        [event, data] = ["", ""];
      }
    }
    if (isLong || rest.length > MOST) [rest, isLong] = ["", true];
  };
}
