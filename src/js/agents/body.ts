/** A body as a model can read it. */
export interface ReadBody {
  /** The text, or the bytes in base64. */
  body: string;
  body_encoding: "text" | "base64";
  /** Says that the body goes on, or broke off. undefined: this is all of it. */
  body_cut?: string | undefined;
}

/** Reads a stream of the web, or one of Node's, which node-fetch has. */
type Chunks = Partial<ReadableStream<Uint8Array<ArrayBuffer>> & AsyncIterable<Uint8Array<ArrayBuffer>>>;

/**
 * Reads a body up to so many bytes. The rest is not downloaded. A body that breaks off is given as far as it came: it
 * may have been paid for.
 */
export async function readBody(response: Response, most: number, signal?: AbortSignal): Promise<ReadBody> {
  const stream = response.body as Chunks | null;
  const reader = stream?.getReader?.();
  const iterator = reader ? undefined : stream?.[Symbol.asyncIterator]?.();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  let cut: string | undefined;
  try {
    while (stream && length <= most) {
      const { done, value } = (await (reader ? reader.read() : iterator?.next())) ?? { done: true };
      if (done || !value) break;
      parts.push(value);
      length += value.length;
    }
    if (length > most) cut = `only the first ${most} bytes were downloaded`;
  } catch (error) {
    if (signal?.aborted) throw error;
    cut = `broke off after ${length} bytes`;
  }
  if (cut) Promise.resolve(reader ? reader.cancel() : iterator?.return?.()).catch(() => {});
  const bytes = new Uint8Array(await new Blob(parts).slice(0, most).arrayBuffer());
  return { ...decoded(bytes, response.headers.get("content-type") ?? "", !!cut), body_cut: cut };
}

/** As text where it says that it is text, or looks like it. Else in base64. */
function decoded(bytes: Uint8Array<ArrayBuffer>, type: string, isCut: boolean): ReadBody {
  const isText = /^text|json|xml|yaml|script|urlencoded/i.test(type);
  try {
    // A character that was cut in two is dropped.
    const decoder = new TextDecoder(/charset="?([^\s;"]+)/i.exec(type)?.[1], { fatal: !isText });
    const body = decoder.decode(bytes, { stream: isCut });
    if (isText || !body.includes("\0")) return { body, body_encoding: "text" };
  } catch {
    // It is no text, or in a charset that nobody knows.
  }
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return { body: btoa(binary), body_encoding: "base64" };
}
