import memory from "unstorage/drivers/memory";
import { blobDriver } from "../../src/plain_driver.ts";
import type { Harness } from "./harness.ts";

/** unstorage's own memory driver, which checks and then writes. */
export const MEMORY: Harness = {
  name: "memory",
  createsAtomically: false,
  keepsMetadata: false,
  place() {
    const driver = memory();
    const data = driver.getInstance!() as Map<string, Uint8Array>;
    const itemKey = (key: string) => key.replaceAll("/", ":");
    return Promise.resolve({
      driver: blobDriver(driver),
      read: (key) => Promise.resolve(data.get(itemKey(key)) ?? null),
      write: (key, bytes) => Promise.resolve(void data.set(itemKey(key), bytes)),
      remove: (key) => Promise.resolve(void data.delete(itemKey(key))),
      list: () => Promise.resolve([...data.keys()].map((key) => key.replaceAll(":", "/")).sort()),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
};
