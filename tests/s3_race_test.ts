import { raceConformance } from "./conformance/race.ts";
import { MINIO_SERVICE } from "./helpers/minio_service.ts";

raceConformance("s3", async () => {
  const service = await MINIO_SERVICE.service();
  return { ...service, config: service.config() };
});
