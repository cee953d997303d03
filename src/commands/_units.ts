import { BronzeError } from "../errors.ts";

const UNITS: Record<string, number> = { kilobyte: 1e3, megabyte: 1e6, gigabyte: 1e9 };
const SPELLINGS: Record<string, number> = {
  "": 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
};

/** A size for people, in decimal units: `524MB`. */
export function formatBytes(bytes: number): string {
  const [unit, factor] = Object.entries(UNITS).findLast(([, factor]) => bytes >= factor) ??
    ["byte", 1];
  return new Intl.NumberFormat("en", {
    style: "unit",
    unit,
    unitDisplay: "narrow",
    maximumFractionDigits: bytes / factor < 10 ? 1 : 0,
  }).format(bytes / factor);
}

/** A file for people: its name, size and the beginning of its checksum. */
export function formatFile(file: string, byteSize: number, checksum: string): string {
  const digest = checksum.replace(/^sha256:(.{12}).*$/, "sha256=$1…");
  return `${file} (${formatBytes(byteSize)}, ${digest})`;
}

/** Reads a size as `512MB`, `1GiB` or a number of bytes. */
export function parseBytes(name: string, text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?) ?([KMG]?i?B?)$/i.exec(text) ?? [];
  const factor = SPELLINGS[(unit ?? "?").toUpperCase()];
  if (digits === undefined || factor === undefined) {
    throw new BronzeError(
      "invalid_argument",
      `Cannot use ${name} ${JSON.stringify(text)}: it takes a size as in 512MB or 1GiB`,
    );
  }
  return Math.round(Number(digits) * factor);
}
