// What an object is: several classes of one name may exist side by side, of other realms or packages.

/** Whether it is a Headers, by its members. */
export const isHeaders = (headers: HeadersInit): headers is Headers =>
  typeof (headers as Headers).has === "function" && typeof (headers as Headers).append === "function";

export const isIterable = (headers: HeadersInit): headers is [string, string][] =>
  typeof (headers as Partial<Iterable<unknown>>)[Symbol.iterator] === "function";

/** Whether it is a Request, by its shape: several classes of that name may exist side by side. */
export const isRequest = (input: unknown): input is Request =>
  typeof input === "object" && typeof (input as Request).clone === "function";

/**
 * The class that made the object, of whichever realm or package. A copy by another class could lose the case of names,
 * or be refused by the fetch that it goes to. Derived classes are passed over: their constructors may take other
 * arguments.
 */
export function classOf<Kind extends object>(object: Kind, name: keyof typeof globalThis): new (from?: Kind) => Kind {
  let at: Kind = object;
  while (at && !Object.hasOwn(at, Symbol.toStringTag)) at = Object.getPrototypeOf(at);
  return (at?.constructor ?? globalThis[name]) as new (
    from?: Kind,
  ) => Kind;
}

/**
 * The status of a response; 402 where a gRPC-Web server asks for money, which answers 200 then. A fetch of the user's
 * own may give anything.
 */
export function statusOf(response: Response | undefined): unknown {
  const { status, headers } = Object(response) as Partial<Response>;
  try {
    if (
      status === 200 &&
      headers?.get("grpc-status") === "13" &&
      /^payment(%20| )required$/i.test(headers.get("grpc-message") ?? "")
    )
      return 402;
  } catch {}
  return status;
}
