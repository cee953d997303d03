import { driverConformance } from "./conformance/driver.ts";
import { storeConformance } from "./conformance/store.ts";
import { MINIO } from "./helpers/minio_harness.ts";

driverConformance(MINIO);
storeConformance(MINIO);
