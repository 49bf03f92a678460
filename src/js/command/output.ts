// What is written to the terminal, to pipes and to files.
import type { FileHandle } from "node:fs/promises";
import { access, constants, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { styleText } from "node:util";
import { EXIT, Problem } from "./exit.js";

/** A stranger's text for a terminal: without what could move its cursor, change its colours or turn text around. */
export const plain = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");

/** Libraries print on the console, which would end up in the answer, and may hold a secret. */
export function silenceLibraries(): void {
  for (const level of ["log", "info", "debug", "warn", "error"] as const) console[level] = () => {};
}

/** Says something to the person. */
export function say(text: string): void {
  process.stderr.write(`${styleText("dim", "l402-fetch:", { stream: process.stderr })} ${plain(text)}\n`);
}

/** A word in a colour, where standard output has colours. */
export const coloured = (format: "bold" | "dim" | "green" | "red" | "yellow", text: string): string =>
  styleText(format, text, { stream: process.stdout });

/** Writes to standard output, as fast as it is read. */
export function print(data: string | Uint8Array): Promise<void> {
  return new Promise((done, fail) => {
    process.stdout.write(data, (error) => (error ? fail(unwritten("standard output", error)) : done()));
  });
}

/** Writes a value as JSON to standard output. What a terminal could take for a command is escaped. */
export const printJson = (value: unknown): Promise<void> =>
  print(`${JSON.stringify(value, null, 2).replace(/[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu, escaped)}\n`);

const escaped = (text: string) =>
  text.replace(/./gs, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** Whoever reads a pipe may have enough, as `head` has. `print` then rejects, and no event ends the program. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
}

/** Makes sure, before anything is paid, that a file can be written. It is not touched yet. */
export async function mustBeWritable(path: string): Promise<void> {
  try {
    if (path === "") throw new Error("it has no name");
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
    if (found?.isDirectory() || /[\\/]$/.test(path)) throw new Error("it is a folder");
    await access(found ? path : dirname(path), constants.W_OK);
  } catch (error) {
    throw unwritten(path, error);
  }
}

/** Writes a body, as it comes, to a file or to standard output. */
export async function writeBody(body: AsyncIterable<Uint8Array>, head: string, path: string | undefined) {
  if (path === undefined) {
    if (head) await print(head);
    for await (const piece of body) await print(piece);
    return;
  }
  let file: FileHandle | undefined;
  try {
    file = await open(path, "w");
    if (head) await file.write(head);
    await file.writeFile(body);
    // Some disks tell only now that they are full.
    await file.close();
  } catch (error) {
    await file?.close().catch(() => {});
    throw error instanceof Problem ? error : unwritten(path, error);
  }
}

function unwritten(where: string, error: unknown) {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = { ENOSPC: "the disk is full", EFBIG: "the file became too big", ENOENT: "its folder is missing" };
  const why = reason[code as keyof typeof reason] ?? message;
  return new Problem(EXIT.output, `can't write to ${where || '""'}: ${why}`, { cause: error });
}
