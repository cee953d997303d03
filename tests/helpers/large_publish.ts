// Publishes a body of the size in its first argument to the store in the environment, verifies it, and
// prints the memory that each took above the body, in MiB.
import { configFromEnv, openStore } from "@obsrvr/bronze-store";
import { peakAbove } from "./measure.ts";
import { largeParquet } from "./parquet.ts";
import { PRODUCER, REF } from "./partition.ts";

const bytes = largeParquet(Number(Deno.args[0]));
const store = openStore(configFromEnv());
const publish = await peakAbove(() => store.publish(REF, bytes, { producer: PRODUCER }));
const verify = await peakAbove(() => store.verify(REF));
console.log(JSON.stringify({ publish: Math.round(publish), verify: Math.round(verify) }));
