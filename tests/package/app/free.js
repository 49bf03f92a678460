import { createFetch } from "l402-fetch";

const { base, shop } = Object.fromEntries(new URLSearchParams(location.search));
const pay = createFetch({ wallet: () => ({ failed: "nothing is to be paid" }), limits: { perPayment: 0 } });
const { status } = await pay(`${base}/free/${shop}/thing`);
globalThis.results = { status };
