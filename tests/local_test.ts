import { driverConformance } from "./conformance/driver.ts";
import { storeConformance } from "./conformance/store.ts";
import { LOCAL } from "./helpers/local_harness.ts";

driverConformance(LOCAL);
storeConformance(LOCAL);
