import * as pkg from "l402-fetch";
import { buy } from "../../buy.js";

export default async function Page({ searchParams }) {
  const { base, shop } = await searchParams;
  const results = base ? await buy(pkg, base, shop) : null;
  return <script dangerouslySetInnerHTML={{ __html: `globalThis.results = ${JSON.stringify(results)}` }} />;
}
