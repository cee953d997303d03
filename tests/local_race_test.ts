import { raceConformance } from "./conformance/race.ts";

raceConformance("local", async () => {
  const base = await Deno.makeTempDir({ prefix: "bronze-store-race-" });
  return {
    config: { backend: "local", base },
    [Symbol.asyncDispose]: () => Deno.remove(base, { recursive: true }),
  };
});
