// A page of another origin than aperture's: what its CORS headers let through, and what a caller hears of the rest.
import { assertBought, openMarket } from "../market.js";

/** What a page may not ask of aperture: the browser refuses it before aperture sees more than the preflight. */
const REFUSED = {
  "a POST of JSON": { method: "POST", body: '{"in":"Paris"}', headers: { "content-type": "application/json" } },
  "a header of one's own": { headers: { "x-client": "1" } },
  "a PUT": { method: "PUT", body: "Paris" },
  "a request with cookies": { credentials: "include" },
};

export default [
  {
    name: "cors: GET and a POST of plain text are bought across origins",
    async run(t) {
      t.ok(new URL(t.plain).origin !== location.origin, "another origin");
      const market = await openMarket(t);
      await assertBought(t, await market.pay(market.url("weather")), "/weather");
      const pay = market.client();
      const form = await pay(market.url("books"), { method: "POST", body: new URLSearchParams({ in: "Paris" }) });
      t.equal((await assertBought(t, form, "/books")).body, "in=Paris");
      await market.counts([12, 30], 2);
    },
  },
  ...Object.entries(REFUSED).map(([what, init]) => ({
    name: `cors: ${what} fails as fetch itself does, and nothing is paid`,
    async run(t) {
      const market = await openMarket(t);
      const own = await t.rejects(market.fetch(market.url("weather"), init));
      const error = await t.rejects(market.pay(market.url("weather"), init));
      t.ok(error instanceof TypeError && !(error instanceof t.pkg.L402Error), "the runtime's own error");
      t.equal(error.message, own.message);
      t.same(market.types(), []);
      t.same(await market.pay.payments(), []);
      await market.counts([], 0);
    },
  })),
  {
    name: "cors: a no-cors request is opaque, and not paid",
    async run(t) {
      const market = await openMarket(t);
      const response = await market.pay(market.url("weather"), { mode: "no-cors" });
      t.equal(response.type, "opaque");
      await market.counts([], 0);
    },
  },
];
