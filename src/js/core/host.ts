/**
 * An origin or a host pattern, in the form that URLs have: lower case, punycode, an origin without its scheme's default
 * port. A pattern keeps every port, 443 too, since a pattern without a port means any port. undefined: it is neither.
 *
 * @internal
 */
export function readHost(value: unknown): string | undefined {
  const [, scheme, wildcard, given, port] =
    (typeof value === "string" &&
      /^(https?:\/\/)?(\*\.)?(\[[^\]]*\]|[^\s:/?#@\\%*[\]]+)(?::(\d{1,5}))?$/i.exec(value)) ||
    [];
  if (given && !(scheme && wildcard) && !/^\.|\.\./.test(given) && !(Number(port) < 1)) {
    try {
      const { origin, hostname } = new URL((scheme ?? "http://") + given + (port ? `:${port}` : ""));
      if (scheme) return origin;
      if (hostname && !(wildcard && /^\[|^[\d.]+$/.test(hostname)))
        return (wildcard ?? "") + hostname + (port ? `:${+port}` : "");
    } catch {
      // The URL parser refuses it.
    }
  }
  return undefined;
}
