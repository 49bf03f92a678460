"use client";
import { useEffect } from "react";
import * as pkg from "l402-fetch";
import { buy } from "../../buy.js";

export default function Page() {
  useEffect(() => {
    const { base, shop } = Object.fromEntries(new URLSearchParams(location.search));
    // an effect runs twice in development
    globalThis.bought ??= buy(pkg, base, shop).then((results) => (globalThis.results = results));
  }, []);
  return <p>shopper</p>;
}
