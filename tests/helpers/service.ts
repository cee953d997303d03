import type { StorageConfig } from "@obsrvr/bronze-store";
import type { Place } from "./harness.ts";

/** An object store over HTTP, before which a test can put a proxy. */
export interface Service extends AsyncDisposable, Omit<Place, "driver"> {
  host: string;
  port: number;
  /** A configuration without a prefix that reaches the service itself, or whatever is given. */
  config(endpoint?: string): Extract<StorageConfig, { bucket: string }>;
}

/** What the suites about requests, faults and races need of a backend. */
export interface ServiceHarness {
  name: string;
  /** Starts or empties such a service. */
  service(): Promise<Service>;
}
