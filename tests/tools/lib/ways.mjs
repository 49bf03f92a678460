// How a project that runs is asked for its purchase: each resolves with what buy.js returned.

/** A development server compiles a page when it is first asked for it. */
const PATIENCE_MS = 180_000;

/** A page of the site, opened in Chromium. */
export const page =
  (path = "/") =>
  (project, site, query) =>
    project.world.chromium.visit(`${site.url}${path}?${query}`, PATIENCE_MS);

/** A route of the site that buys and answers with the result. */
export const route = (path) => async (_project, site, query) => {
  const response = await fetch(`${site.url}${path}?${query}`);
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${path} answered ${response.status}: ${text.slice(0, 1000)}`);
  }
};

/** A program that takes the shop as arguments and prints the result as its last line. */
export const program = (command, args, options) => async (project, _site, query) =>
  lastLine(await project.run(command, [...args, ...query.values()], options));

/** The same for what takes no arguments: the shop comes in the environment. */
export const withEnv =
  (command, args, { env, ...options } = {}) =>
  async (project, _site, query) =>
    lastLine(
      await project.run(command, args, {
        ...options,
        env: { ...env, BASE: query.get("base"), SHOP: query.get("shop") },
      }),
    );

function lastLine(text) {
  const line = text.split("\n").findLast((line) => line.startsWith("{"));
  if (!line) throw new Error(`no result in: ${text}`);
  return JSON.parse(line);
}
