// Base64, for credentials, and for nodes that show bytes in it.

/** Bytes as base64. */
export const toBase64 = (bytes: Iterable<number>): string => btoa(String.fromCharCode(...bytes));

/** Base64 without padding, of either alphabet, as lower-case hex. */
export function hexOf(base64: string): string {
  const bytes = atob(base64.replaceAll("-", "+").replaceAll("_", "/"));
  return Array.from(bytes, (char) => char.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}
