import { faultConformance } from "./conformance/faults.ts";
import { requestConformance } from "./conformance/requests.ts";
import { MINIO_SERVICE } from "./helpers/minio_service.ts";

requestConformance(MINIO_SERVICE);
faultConformance(MINIO_SERVICE);
