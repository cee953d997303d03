import assert from "node:assert/strict";
import { BronzeError, BronzeStore, PartitionExistsError } from "@obsrvr/bronze-store";
import type { BlobDriver } from "../../src/drivers/driver.ts";
import { parquetOf } from "../helpers/parquet.ts";
import { checksumOf, MANIFEST, PARQUET, PRODUCER, REF } from "../helpers/partition.ts";
import type { Outcome, Process, Scenario } from "./explore.ts";
import type { ModelStore, Promises } from "./model_driver.ts";

const A = parquetOf({ seed: 1 });
const B = parquetOf({ seed: 2 });
const C = parquetOf({ seed: 3 });
const CHECKSUMS = new Map([A, B, C].map((bytes) => [bytes, checksumOf(bytes)]));

const ATOMIC: Promises = { createsAtomically: true, keepsMetadata: true };
const NOT_ATOMIC: Promises = { createsAtomically: false, keepsMetadata: true };

/** Publishes `bytes` as a producer of its own, so that no two manifests are alike. */
function publisher(name: string, bytes: Uint8Array, allowOverwrite = false): Process {
  const producer = { ...PRODUCER, name };
  return (driver) => new BronzeStore({ driver, allowOverwrite }).publish(REF, bytes, { producer });
}

/** Publishes the two halves, one after the other. */
function halves(name: string, bytes: Uint8Array): Process {
  const producer = { ...PRODUCER, name };
  return async (driver) => {
    const store = new BronzeStore({ driver });
    const manifest = await store.writeParquet(REF, bytes, { producer });
    return { manifest: await store.writeManifest(REF, manifest), status: "created" };
  };
}

const repairer: Process = (driver) => new BronzeStore({ driver }).repair(REF);

/** What a process that reads now would find; each of its calls is done at once. */
function now(store: ModelStore): BlobDriver {
  return store.driver(-1, () => store.pending.pop()!.run());
}

/** What no reader may ever see. */
async function visible(store: ModelStore): Promise<void> {
  const { state, manifest, problems } = await new BronzeStore({ driver: now(store) }).inspect(REF);
  assert.notEqual(state, "damaged", problems.join());
  if (state !== "complete") return;
  const { checksum } = manifest!.tables[REF.table]!;
  const stored = store.objects.get(PARQUET)!.value;
  assert.equal(checksum, CHECKSUMS.get(stored), "a torn pair passes for whole");
}

/** What must hold when all has ended. */
function final(promises: Promises, overwrites: boolean) {
  return async (store: ModelStore, outcomes: Outcome[]): Promise<void> => {
    const stored = store.objects.get(PARQUET)?.value;
    if (!overwrites) assert.equal(store.replaced.size, 0, "an object was replaced");
    if (promises.createsAtomically) {
      assert.equal(
        store.replacedUnseen.size,
        0,
        "something was replaced that its writer had not seen",
      );
    }
    for (const outcome of outcomes) {
      if (outcome === "crashed") continue;
      if ("error" in outcome) {
        assertAllowed(outcome.error, stored, overwrites || !promises.createsAtomically);
        if (outcome.error instanceof PartitionExistsError) {
          assert.ok(store.objects.has(MANIFEST), "it was refused before what it met was completed");
        }
      } else if (promises.createsAtomically && !overwrites) {
        const { manifest } = outcome.value as {
          manifest: { tables: Record<string, { checksum: string }> };
        };
        assert.equal(manifest.tables[REF.table]?.checksum, CHECKSUMS.get(stored!), "a loser won");
        assert.ok(store.objects.has(MANIFEST), "a success without a manifest");
      }
    }
    const again = new BronzeStore({ driver: now(store) });
    const { status } = await again.publish(REF, stored ?? A, { producer: PRODUCER });
    assert.match(status, stored ? /^(unchanged|completed)$/ : /^created$/);
    assert.equal((await again.verify(REF)).state, "ok");
  };
}

function assertAllowed(error: unknown, stored: Uint8Array | undefined, weaker: boolean): void {
  assert.ok(error instanceof BronzeError, String(error));
  assert.match(
    error.code,
    /^(partition_exists|unknown_outcome|conflict|network|not_found)$/,
    error.message,
  );
  if (error.code !== "partition_exists" || weaker) return;
  assert.ok(error instanceof PartitionExistsError, "a refusal without the stored manifest");
  const { checksum } = error.manifest.tables[REF.table]!;
  assert.equal(checksum, CHECKSUMS.get(stored!), "it was refused for content that is not stored");
}

function scenario(
  processes: Process[],
  options: { faults?: number; promises?: Promises; overwrites?: boolean; prepare?: Process } = {},
): Scenario {
  const { faults = 1, promises = ATOMIC, overwrites = false, prepare } = options;
  return {
    promises,
    processes,
    faults,
    visible,
    final: final(promises, overwrites),
    ...(prepare ? { prepare } : {}),
  };
}

const prepare = publisher("before", C);

/** All that is explored, by name. */
export const SCENARIOS: Record<string, Scenario> = {
  "two publishers, the same bytes": scenario([publisher("a", A), publisher("b", A)]),
  "two publishers, different bytes": scenario([publisher("a", A), publisher("b", B)]),
  "one publisher that returns with other bytes": scenario([
    async (driver) => {
      await publisher("a", A)(driver).catch(() => {});
      return await publisher("a again", B)(driver);
    },
  ], { faults: 3 }),
  "the two halves and a publisher, different bytes": scenario([halves("a", A), publisher("b", B)]),
  "the two halves twice, different bytes": scenario([halves("a", A), halves("b", B)], {
    faults: 0,
  }),
  "a publisher and a repair": scenario([publisher("a", A), repairer]),
  "an overwriter and a repair": scenario([publisher("a", A, true), repairer], {
    overwrites: true,
    prepare,
  }),
  "an overwriter and a publisher": scenario(
    [publisher("a", A, true), publisher("b", B)],
    { overwrites: true, prepare },
  ),
  // Without faults: with one, two overwriters have more schedules than a test can run.
  "two overwriters": scenario(
    [publisher("a", A, true), publisher("b", B, true)],
    { overwrites: true, prepare, faults: 0 },
  ),
  "two overwriters, the same bytes": scenario(
    [publisher("a", A, true), publisher("b", A, true)],
    { overwrites: true, prepare, faults: 0 },
  ),
  "three publishers, different bytes, no fault": scenario(
    [publisher("a", A), publisher("b", B), publisher("c", C)],
    { faults: 0 },
  ),
  "two publishers on a store without atomic create": scenario(
    [publisher("a", A), publisher("b", B)],
    { promises: NOT_ATOMIC, overwrites: true, faults: 0 },
  ),
};

/** A scenario on a store that breaks one of its promises. */
export function broken(name: string, ignoresConditionOf: RegExp): Scenario {
  return { ...SCENARIOS[name]!, promises: { ...ATOMIC, ignoresConditionOf } };
}
