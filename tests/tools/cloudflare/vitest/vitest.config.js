import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

// a Worker has no environment of the process that started it
const text = (name) => JSON.stringify(process.env[name]);

export default defineConfig({
  plugins: [cloudflareTest({ wrangler: { configPath: "./wrangler.jsonc" } })],
  define: { BASE: text("BASE"), SHOP: text("SHOP") },
});
