import { decodeInvoice } from "l402-fetch";

const code = () => decodeInvoice("lnbc1").catch((error) => error.code);
globalThis.results = [await code(), await code()];
