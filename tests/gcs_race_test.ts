import { raceConformance } from "./conformance/race.ts";
import { GCS_SERVICE } from "./helpers/gcs_harness.ts";

raceConformance("gcs", async () => {
  const service = await GCS_SERVICE.service();
  return { ...service, config: service.config() };
});
