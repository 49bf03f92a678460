// `decode`
import { decodeInvoice, decodeMacaroon, parseChallenges, recoverPayee } from "../entries/node.js";
import { EXIT, type Exit, usage } from "./exit.js";
import { printJson } from "./output.js";

/** Shows what a text holds. What it is can be seen by its beginning. */
export async function decode(given: string | undefined): Promise<Exit> {
  const text = given?.trim();
  if (!text) throw usage("decode needs an invoice, a macaroon or a WWW-Authenticate header");
  const [, invoice] = /^(?:lightning:)?(ln(?:bcrt|bc|tbs|tb|sb)[0-9]*[munp]?1[0-9a-z]+)$/i.exec(text) ?? [];
  const header = text.replace(/^www-authenticate:\s*/i, "");
  if (invoice) {
    // Who signed it is certain. The payee that it may name is not.
    const decoded = await decodeInvoice(invoice);
    await printJson({ ...decoded, signedBy: await recoverPayee(invoice).catch(() => null) });
  } else if (/\s/.test(header)) await printJson(await parseChallenges(header));
  else await printJson(await decodeMacaroon(header));
  return EXIT.done;
}
