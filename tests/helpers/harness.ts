import type { BlobDriver } from "../../src/drivers/driver.ts";

/** A fresh and empty place of one backend, with access behind the driver's back. */
export interface Place extends AsyncDisposable {
  driver: BlobDriver;
  /** Reads what is really stored; null when nothing is. */
  read(key: string): Promise<Uint8Array | null>;
  /** Stores bytes as another program would: unconditionally and without our metadata. */
  write(key: string, bytes: Uint8Array): Promise<void>;
  /** Removes an object, which the driver never does. */
  remove(key: string): Promise<void>;
  /** The keys of everything that a reader can see. */
  list(): Promise<string[]>;
}

/** What the conformance suites need of a backend. */
export interface Harness {
  name: string;
  /** Whether the backend refuses a second create by itself. */
  createsAtomically: boolean;
  /** Whether an object keeps its metadata, and so its manifest. */
  keepsMetadata: boolean;
  /** Makes such a place. */
  place(): Promise<Place>;
}
