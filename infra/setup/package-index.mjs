import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { SetupError } from "./setup-error.mjs";

/**
 * The index that a pip of this user would ask: PIP_INDEX_URL, then pip's configuration files (user before machine, as pip
 * reads them).
 * @returns {Promise<string | undefined>}
 */
export async function configuredIndex() {
  if (process.env.PIP_INDEX_URL) return process.env.PIP_INDEX_URL;
  const home = homedir();
  const files = [
    process.env.PIP_CONFIG_FILE,
    join(process.env.XDG_CONFIG_HOME ?? join(home, ".config"), "pip/pip.conf"),
    join(home, ".pip/pip.conf"),
    "/etc/xdg/pip/pip.conf",
    "/etc/pip.conf",
  ];
  for (const file of files) {
    const text = file && (await readFile(file, "utf8").catch(() => undefined));
    const index = text && indexUrlIn(text);
    if (index) return index;
  }
  return undefined;
}

/**
 * `index-url` of the sections that `pip download` reads.
 * @param {string} configuration an INI file
 * @returns {string | undefined}
 */
export function indexUrlIn(configuration) {
  /** @type {Map<string, string>} */
  const found = new Map();
  let section = "";
  for (const line of configuration.split("\n")) {
    section = /^\s*\[(.+)\]\s*$/.exec(line)?.[1] ?? section;
    const value = /^\s*index[-_]url\s*[=:]\s*(\S+)\s*$/.exec(line)?.[1];
    if (value !== undefined) found.set(section, value);
  }
  return found.get("download") ?? found.get("global");
}

/**
 * Downloads one file of a package from an index (PEP 503's HTML and PEP 691's JSON form).
 * @param {string} index
 * @param {string} packageName
 * @param {string} file
 * @param {import("./progress.mjs").Progress} progress
 * @param {AbortSignal} signal
 */
export async function downloadFromIndex(index, packageName, file, progress, signal) {
  const page = new URL(`${packageName}/`, index.endsWith("/") ? index : `${index}/`);
  const accept = "application/vnd.pypi.simple.v1+json, text/html;q=0.5";
  const listing = await request(page, { headers: { accept }, signal });
  const address = fileAddress(await listing.text(), file);
  if (address === undefined) {
    throw new SetupError("SLIPWAY_SETUP_NOT_IN_INDEX", `the package index at ${page.origin} does not list ${file}`, {
      remedy: "Set PIP_INDEX_URL to an index that mirrors it, or install Go.",
    });
  }
  const response = await request(new URL(address, page), { signal });
  const total = Number(response.headers.get("content-length") ?? 0);
  const advance = progress.download(file, total);
  /** @type {Uint8Array[]} */
  const chunks = [];
  let received = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    advance((received += chunk.byteLength));
  }
  return Buffer.concat(chunks);
}

/**
 * @param {string} listing
 * @param {string} file
 * @returns {string | undefined}
 */
export function fileAddress(listing, file) {
  if (listing.trimStart().startsWith("{")) {
    /** @type {{ files: { filename: string, url: string }[] }} */
    const { files } = JSON.parse(listing);
    return files.find(({ filename }) => filename === file)?.url;
  }
  const links = [...listing.matchAll(/href="([^"#]+)/g)].map((match) => /** @type {string} */ (match[1]));
  return links.find((link) => decodeURIComponent(link).endsWith(`/${file}`) || link === file);
}

/**
 * @param {URL} address
 * @param {RequestInit} options
 */
async function request(address, options) {
  try {
    const response = await fetch(address, options);
    if (response.ok) return response;
    throw new Error(`it answered ${response.status}`);
  } catch (cause) {
    // fetch() keeps the network's own reason one cause deeper.
    const reason = cause instanceof Error ? (cause.cause instanceof Error ? cause.cause : cause).message : String(cause);
    throw new SetupError("SLIPWAY_SETUP_INDEX", `the package index at ${address.origin} could not be read: ${reason}`, {
      remedy: "Check the network and the index that pip is configured with.",
      cause,
    });
  }
}
