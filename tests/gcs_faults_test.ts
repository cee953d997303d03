import { faultConformance } from "./conformance/faults.ts";
import { requestConformance } from "./conformance/requests.ts";
import { GCS_SERVICE } from "./helpers/gcs_harness.ts";

requestConformance(GCS_SERVICE);
faultConformance(GCS_SERVICE);
