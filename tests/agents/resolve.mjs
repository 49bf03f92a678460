// Lets the built package find the frameworks beside the tests, as it finds them in a user's node_modules.
import { registerHooks } from "node:module";

const dist = new URL("../../dist/", import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    const isForeign = !/^[./]|:/.test(specifier) && context.parentURL?.startsWith(dist);
    return next(specifier, isForeign ? { ...context, parentURL: import.meta.url } : context);
  },
});
