import assert from "node:assert/strict";
import { explore } from "./explore.ts";
import { broken, SCENARIOS } from "./scenarios.ts";

for (const [name, scenario] of Object.entries(SCENARIOS)) {
  Deno.test(`protocol model: ${name}`, async () => {
    const { schedules, states } = await explore(scenario);
    console.log(`${name}: ${schedules} schedules, ${states} states`);
    assert.ok(schedules > 100, "hardly anything was explored");
  });
}

for (
  const [guard, scenario, keys, notices] of [
    [
      "the conditional create of the Parquet object",
      "two publishers, different bytes",
      /\.parquet$/,
      /an object was replaced/,
    ],
    ["the compare-and-swap of an overwrite", "two overwriters", /\.parquet$/, /had not seen/],
  ] as const
) {
  Deno.test(`protocol model: notices a store without ${guard}`, async () => {
    await assert.rejects(explore(broken(scenario, keys)), { message: notices });
  });
}
