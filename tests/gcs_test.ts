import { driverConformance } from "./conformance/driver.ts";
import { storeConformance } from "./conformance/store.ts";
import { gcsHarness } from "./helpers/gcs_harness.ts";

driverConformance(gcsHarness("gcs"));
storeConformance(gcsHarness("gcs"));
// Some stores and proxies drop user metadata: manifest and stored bytes must be enough.
storeConformance(gcsHarness("gcs without metadata", { keepMetadata: false }));
