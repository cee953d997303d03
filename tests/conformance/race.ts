import assert from "node:assert/strict";
import { openStore, type StorageConfig } from "@obsrvr/bronze-store";
import { startPublishers } from "../helpers/publishers.ts";
import { REF } from "../helpers/partition.ts";

const WRITERS = 16;
const ROUNDS = 30;

/** Races between processes, each with a connection or a staging of its own. */
export function raceConformance(
  name: string,
  place: () => Promise<{ config: StorageConfig } & AsyncDisposable>,
): void {
  Deno.test(`${name} race: of ${WRITERS} processes with different bytes one wins, ${ROUNDS} times`, async () => {
    await using stored = await place();
    await using publishers = startPublishers(WRITERS);
    const store = openStore(stored.config);
    for (let round = 0; round < ROUNDS; round++) {
      const ledgerEnd = 1000 + round;
      const at = Date.now() + 30;
      const outcomes = await Promise.all(
        publishers.all.map((publisher, writer) =>
          publisher.publish({ config: stored.config, ledgerEnd, seed: writer, at })
        ),
      );
      const winners = outcomes.filter((outcome) => outcome?.status === "created");
      assert.equal(winners.length, 1, JSON.stringify(outcomes));
      const losers = outcomes.filter((outcome) => outcome?.code === "partition_exists");
      assert.equal(losers.length, WRITERS - 1, JSON.stringify(outcomes));
      const { checksum } = await store.verify({ ...REF, ledgerEnd });
      assert.equal(checksum, winners[0]?.checksum);
    }
  });

  Deno.test(`${name} race: ${WRITERS} processes with the same bytes all succeed`, async () => {
    await using stored = await place();
    await using publishers = startPublishers(WRITERS);
    const store = openStore(stored.config);
    for (let round = 0; round < ROUNDS / 3; round++) {
      const ledgerEnd = 1000 + round;
      const at = Date.now() + 30;
      const outcomes = await Promise.all(
        publishers.all.map((publisher) =>
          publisher.publish({ config: stored.config, ledgerEnd, seed: 7, at })
        ),
      );
      for (const outcome of outcomes) {
        assert.match(outcome?.status ?? JSON.stringify(outcome), /^(created|unchanged|completed)$/);
      }
      assert.equal((await store.verify({ ...REF, ledgerEnd })).state, "ok");
    }
  });

  Deno.test(`${name} race: overwriters at once never leave a torn pair`, async () => {
    await using stored = await place();
    await using publishers = startPublishers(4);
    const store = openStore(stored.config);
    const config: StorageConfig = { ...stored.config, allowOverwrite: true };
    for (let round = 0; round < ROUNDS; round++) {
      const at = Date.now() + 30;
      const outcomes = await Promise.all(
        publishers.all.map((publisher, writer) =>
          publisher.publish({ config, ledgerEnd: REF.ledgerEnd, seed: round * 4 + writer, at })
        ),
      );
      const winners = outcomes.filter((outcome) => outcome?.status);
      assert.ok(winners.length > 0, JSON.stringify(outcomes));
      for (const outcome of outcomes) {
        assert.match(
          outcome?.status ?? outcome?.code ?? "died",
          /^(created|overwritten|conflict|partition_exists)$/,
          JSON.stringify(outcome),
        );
      }
      const { checksum } = await store.verify(REF);
      assert.ok(winners.some((winner) => winner?.checksum === checksum));
    }
  });
}
