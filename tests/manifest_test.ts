import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Manifest, parseManifest } from "@obsrvr/bronze-store";
import { seal, sealedManifest } from "../src/manifest.ts";
import { parquetOf } from "./helpers/parquet.ts";
import { goManifest, PRODUCER, REF } from "./helpers/partition.ts";

const CHECKSUM = `sha256:${"ab".repeat(32)}`;
const bytesOf = (manifest: unknown) => new TextEncoder().encode(JSON.stringify(manifest));

async function sample(): Promise<Uint8Array> {
  const { bytes } = await sealedManifest({
    ref: REF,
    checksum: CHECKSUM,
    rowCount: 10000,
    byteSize: 524288000,
    producer: PRODUCER,
    pasEventHash: "sha256:event",
    createdAt: new Date("2025-01-15T10:30:00.123Z"),
  });
  return bytes;
}

Deno.test("manifest JSON has the members in their order, two spaces and a newline", async () => {
  const text = new TextDecoder().decode(await sample());
  const digits = /"manifest_checksum": "sha256:([0-9a-f]{64})"/.exec(text)?.[1];
  assert.equal(
    text,
    `{
  "partition": {
    "start": 0,
    "end": 9999,
    "era_id": "pre_p23",
    "version": "v1",
    "network": "pubnet"
  },
  "tables": {
    "ledgers_lcm_raw": {
      "file": "part-0-9999.parquet",
      "checksum": "${CHECKSUM}",
      "row_count": 10000,
      "byte_size": 524288000
    }
  },
  "producer": {
    "name": "test",
    "version": "1.0.0",
    "git_sha": "abc123"
  },
  "pas_event_hash": "sha256:event",
  "created_at": "2025-01-15T10:30:00Z",
  "manifest_version": 1,
  "manifest_checksum": "sha256:${digits}"
}
`,
  );
});

Deno.test("the seal is the SHA-256 of the manifest with its digits as zeros", async () => {
  const text = new TextDecoder().decode(await sample());
  const digits = /"manifest_checksum": "sha256:([0-9a-f]{64})"/.exec(text)![1]!;
  const zeroed = text.replace(digits, "0".repeat(64));
  assert.equal(createHash("sha256").update(zeroed).digest("hex"), digits);
});

Deno.test("the largest manifest fits in an object's metadata", async () => {
  const name = "n".repeat(64);
  const field = "p".repeat(128);
  const { bytes } = await sealedManifest({
    ref: {
      network: name,
      eraId: name,
      versionLabel: name,
      table: name,
      ledgerStart: 4294967295,
      ledgerEnd: 4294967295,
    },
    checksum: CHECKSUM,
    rowCount: Number.MAX_SAFE_INTEGER,
    byteSize: 2 ** 31,
    producer: { name: field, version: field, git_sha: field },
    pasEventHash: "h".repeat(80),
    createdAt: new Date(),
  });
  const encoded = bytes.toBase64({ alphabet: "base64url", omitPadding: true });
  const metadata = `manifest${encoded}sha256${"0".repeat(64)}`;
  assert.ok(metadata.length <= 1900, `${metadata.length} bytes`);
});

Deno.test("parseManifest() reads what was written", async () => {
  const { manifest, sealed } = await parseManifest(await sample());
  assert.equal(sealed, true);
  assert.equal(manifest.tables.ledgers_lcm_raw?.checksum, CHECKSUM);
  assert.equal(manifest.pas_event_hash, "sha256:event");
});

Deno.test("parseManifest() finds every flipped bit", async () => {
  const bytes = await sample();
  for (let bit = 0; bit < bytes.byteLength * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    await assert.rejects(parseManifest(flipped), { code: "damaged" }, `bit ${bit}`);
  }
});

Deno.test("parseManifest() takes a Go copier's manifest as unsealed", async () => {
  const { manifest, sealed } = await parseManifest(goManifest(parquetOf(), 3));
  assert.equal(sealed, false);
  assert.equal(manifest.producer.name, "bronze-copier & co");
});

Deno.test("parseManifest() keeps members that it does not know", async () => {
  const { manifest } = await parseManifest(await sample());
  const { bytes: extended } = await seal({ ...manifest, added_later: { a: 1 } } as Manifest);
  const read = await parseManifest(extended);
  assert.deepEqual((read.manifest as unknown as Record<string, unknown>).added_later, { a: 1 });
});

Deno.test("parseManifest() refuses a manifest of a later version as unsupported", async () => {
  const { manifest } = await parseManifest(await sample());
  const { bytes } = await seal({ ...manifest, manifest_version: 2 });
  await assert.rejects(parseManifest(bytes), {
    code: "unsupported",
  });
});

Deno.test("parseManifest() refuses a version without a seal", async () => {
  const { manifest } = await parseManifest(await sample());
  const { manifest_checksum: _, ...unsealed } = manifest;
  await assert.rejects(parseManifest(bytesOf(unsealed)), { code: "damaged", message: /seal/ });
});

Deno.test("parseManifest() refuses a byte order mark before a sealed manifest", async () => {
  const bytes = await sample();
  const marked = new Uint8Array([0xef, 0xbb, 0xbf, ...bytes]);
  await assert.rejects(parseManifest(marked), { code: "damaged" });
});

const VALID = JSON.parse(new TextDecoder().decode(goManifest(parquetOf(), 3)));
const table = VALID.tables.ledgers_lcm_raw;
const MALFORMED: Record<string, unknown> = {
  "null": null,
  "an array": [],
  "a string": "manifest",
  "no partition": { ...VALID, partition: undefined },
  "a negative start": { ...VALID, partition: { ...VALID.partition, start: -1 } },
  "an era that is a number": { ...VALID, partition: { ...VALID.partition, era_id: 1 } },
  "no table": { ...VALID, tables: {} },
  "two tables": { ...VALID, tables: { a: table, b: table } },
  "a short checksum": { ...VALID, tables: { t: { ...table, checksum: "sha256:ab" } } },
  "a fractional row count": { ...VALID, tables: { t: { ...table, row_count: 1.5 } } },
  "a size in a string": { ...VALID, tables: { t: { ...table, byte_size: "1" } } },
  "no file": { ...VALID, tables: { t: { ...table, file: undefined } } },
  "no producer": { ...VALID, producer: undefined },
  "a producer without a version": { ...VALID, producer: { name: "a", git_sha: "b" } },
  "a PAS event hash that is a number": { ...VALID, pas_event_hash: 1 },
  "a time that is none": { ...VALID, created_at: "yesterday" },
};
for (const [what, manifest] of Object.entries(MALFORMED)) {
  Deno.test(`parseManifest() refuses ${what}`, async () => {
    await assert.rejects(parseManifest(bytesOf(manifest)), { code: "damaged" });
  });
}

for (const text of ["", "{", "\xff", "{}"]) {
  Deno.test(`parseManifest() refuses ${JSON.stringify(text)}`, async () => {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    await assert.rejects(parseManifest(bytes), { code: "damaged" });
  });
}
