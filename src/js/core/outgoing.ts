import type { Call } from "./request.js";
import { classOf, isRequest } from "./shapes.js";

/**
 * The bytes of a call's body, null where they are not known before they are sent, and its headers as JSON text. The
 * platform itself says which, from a request of the same parts.
 */
export async function outgoing(call: Call): Promise<[Uint8Array | null, string]> {
  try {
    const { target, init, member } = call.parts();
    const made = (isRequest(target) ? classOf(target, "Request") : Request) as typeof Request;
    const given = init?.body as RequestInit["body"] | undefined;
    const request = new made(isRequest(target) ? target : String(target), {
      method: call.method,
      headers: member("headers") as HeadersInit,
      ...(given != null && { body: given }),
    });
    // Each time it is sent, its parts are divided by another text.
    const isForm = Object.prototype.toString.call(given) === "[object FormData]";
    const bytes = isForm ? null : new Uint8Array(await request.arrayBuffer());
    return [bytes, JSON.stringify([...request.headers])];
  } catch {
    return [null, "[]"];
  }
}
