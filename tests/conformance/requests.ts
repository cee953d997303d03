import assert from "node:assert/strict";
import { openStore } from "@obsrvr/bronze-store";
import { largeParquet, parquetOf } from "../helpers/parquet.ts";
import { MANIFEST, PARQUET, PRODUCER, REF } from "../helpers/partition.ts";
import type { Service, ServiceHarness } from "../helpers/service.ts";
import { type FaultProxy, startProxy } from "../servers/tcp_proxy.ts";

const options = { producer: PRODUCER };

/** What is sent for each outcome: requests cost money and time. */
export function requestConformance(harness: ServiceHarness): void {
  const test = (
    behaviour: string,
    body: (counted: { service: Service; proxy: FaultProxy; sent: () => string[] }) => Promise<void>,
  ) =>
    Deno.test(`${harness.name} requests: ${behaviour}`, async () => {
      await using service = await harness.service();
      await using proxy = await startProxy(service.host, service.port);
      const sent = () =>
        proxy.requests.splice(0).map(({ method, path, bodyBytesForwarded }) =>
          `${method} ${path.endsWith(".parquet") ? "parquet" : "manifest"} ${
            bodyBytesForwarded > 0 ? "with" : "without"
          } body`
        ).sort();
      await body({ service, proxy, sent });
    });

  test("a new partition takes four, an unchanged one two and no body", async (counted) => {
    const store = openStore(counted.service.config(counted.proxy.endpoint));
    await store.publish(REF, parquetOf(), options);
    assert.deepEqual(counted.sent(), [
      "GET manifest without body",
      "HEAD parquet without body",
      "PUT manifest with body",
      "PUT parquet with body",
    ]);
    assert.equal((await store.publish(REF, parquetOf(), options)).status, "unchanged");
    assert.deepEqual(counted.sent(), ["GET manifest without body", "HEAD parquet without body"]);
  });

  test("a partition of others is refused after two, without a body", async ({ service, proxy, sent }) => {
    await openStore(service.config()).publish(REF, parquetOf(), options);
    const store = openStore(service.config(proxy.endpoint));
    await assert.rejects(store.publish(REF, parquetOf({ seed: 2 }), options), {
      code: "partition_exists",
    });
    assert.deepEqual(sent(), ["GET manifest without body", "HEAD parquet without body"]);
  });

  test("256 MiB whose manifest is missing are completed without sending them", async (counted) => {
    const { service, proxy, remove, sent } = { ...counted, remove: counted.service.remove };
    const bytes = largeParquet(256 * 1024 * 1024);
    const { manifest } = await openStore(service.config()).publish(REF, bytes, options);
    await remove(MANIFEST);
    const store = openStore(service.config(proxy.endpoint));
    const later = { name: "a later one", version: "2", git_sha: "def" };
    const completed = await store.publish(REF, bytes, { producer: later });
    assert.equal(completed.status, "completed");
    assert.deepEqual(completed.manifest, manifest, "not the manifest that its publisher wrote");
    assert.deepEqual(sent(), [
      "GET manifest without body",
      "HEAD parquet without body",
      "PUT manifest with body",
    ]);
  });

  test("a PUT carries its length, its media type and an expectation when it is large", async (counted) => {
    const store = openStore(counted.service.config(counted.proxy.endpoint));
    const bytes = largeParquet(3_000_000);
    await store.publish(REF, bytes, options);
    const puts = counted.proxy.requests.filter(({ method }) => method === "PUT");
    const [parquet, manifest] = puts.map(({ headers }) => headers);
    assert.equal(parquet?.["content-length"], String(bytes.byteLength));
    assert.equal(parquet?.["transfer-encoding"], undefined);
    assert.equal(parquet?.["content-type"], "application/vnd.apache.parquet");
    assert.equal(manifest?.["content-type"], "application/json");
    assert.equal(manifest?.expect, undefined);
  });

  test("keys are percent-encoded strictly, segment by segment", async ({ service, proxy }) => {
    const store = openStore(service.config(proxy.endpoint));
    await store.publish(REF, parquetOf(), options);
    const paths = proxy.requests.map(({ path }) => path.replace(/^\/[^/]*\//, ""));
    const encoded = (key: string) => key.replace("=", "%3D");
    assert.deepEqual([...new Set(paths)].sort(), [encoded(MANIFEST), encoded(PARQUET)]);
  });
}
