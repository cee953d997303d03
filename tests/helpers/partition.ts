import { createHash } from "node:crypto";
import type { Manifest, PartitionRef } from "@obsrvr/bronze-store";

export const REF: PartitionRef = {
  network: "pubnet",
  eraId: "pre_p23",
  versionLabel: "v1",
  table: "ledgers_lcm_raw",
  ledgerStart: 0,
  ledgerEnd: 9999,
};
export const PRODUCER = { name: "test", version: "1.0.0", git_sha: "abc123" };
export const DIRECTORY = "pubnet/pre_p23/v1/ledgers_lcm_raw/range=0-9999";
export const PARQUET = `${DIRECTORY}/part-0-9999.parquet`;
export const MANIFEST = `${DIRECTORY}/_manifest.json`;

/** The checksum of bytes in the manifest's form. */
export function checksumOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** A manifest as the Go copier writes it: unsealed, nanoseconds, no newline at the end. */
export function goManifest(bytes: Uint8Array, rows: number): Uint8Array {
  const manifest: Manifest = {
    partition: { start: 0, end: 9999, era_id: "pre_p23", version: "v1", network: "pubnet" },
    tables: {
      ledgers_lcm_raw: {
        file: "part-0-9999.parquet",
        checksum: checksumOf(bytes),
        row_count: rows,
        byte_size: bytes.byteLength,
      },
    },
    producer: { name: "bronze-copier & co", version: "bronze-copier@v0.1.0", git_sha: "abc123" },
    created_at: "2025-01-15T10:30:00.123456789Z",
  };
  const text = JSON.stringify(manifest, null, 2).replaceAll("&", "\\u0026");
  return new TextEncoder().encode(text);
}
