import { storeConformance } from "./conformance/store.ts";
import { MEMORY } from "./helpers/memory_harness.ts";

storeConformance(MEMORY);
