import assert from "node:assert/strict";
import { BronzeStore } from "@obsrvr/bronze-store";
import type { BlobDriver } from "../src/drivers/driver.ts";
import { LOCAL } from "./helpers/local_harness.ts";
import { parquetOf } from "./helpers/parquet.ts";
import { PRODUCER, REF } from "./helpers/partition.ts";

const options = { producer: PRODUCER };
const ours = parquetOf({ seed: 1 });
const others = parquetOf({ seed: 2 });

/** A driver between whose first two reads, of the Parquet file and then of the manifest, something happens. */
function interrupted(driver: BlobDriver, between: () => Promise<unknown>): BlobDriver {
  const looked = Promise.withResolvers<void>();
  let reads = 0;
  return {
    ...driver,
    async getMeta(key, options) {
      const meta = await driver.getMeta(key, options);
      looked.resolve();
      return meta;
    },
    async getItemRaw(key, options) {
      if (reads++ === 0) {
        await looked.promise;
        await between();
      }
      return await driver.getItemRaw(key, options);
    },
  };
}

for (
  const [what, bytes, expected] of [
    ["the same bytes", ours, "unchanged"],
    ["other bytes", others, "partition_exists"],
  ] as const
) {
  Deno.test(`publish() of ${what} while another publishes is no damage`, async () => {
    await using place = await LOCAL.place();
    const other = new BronzeStore({ driver: place.driver });
    const driver = interrupted(place.driver, () => other.publish(REF, ours, options));
    const outcome = await new BronzeStore({ driver }).publish(REF, bytes, options).then(
      ({ status }) => status,
      ({ code }) => code,
    );
    assert.equal(outcome, expected);
  });
}

Deno.test("exists() while another overwrites is no damage", async () => {
  await using place = await LOCAL.place();
  const other = new BronzeStore({ driver: place.driver, allowOverwrite: true });
  await other.publish(REF, ours, options);
  const larger = parquetOf({ seed: 3, rows: 100 });
  const driver = interrupted(place.driver, () => other.publish(REF, larger, options));
  assert.equal(await new BronzeStore({ driver }).exists(REF), true);
});
