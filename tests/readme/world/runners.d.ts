// What the examples that are tests take from their runners, for tsc: these come with types of their own.
declare module "vitest" {
  export const test: (name: string, run: () => Promise<void>) => void;
  // biome-ignore lint/suspicious/noExplicitAny: its matchers are Vitest's
  export const expect: (value: unknown) => any;
}
// biome-ignore lint/suspicious/noExplicitAny: as Jest has them
declare const jest: any, expect: any, test: any;
