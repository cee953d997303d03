import assert from "node:assert/strict";
import { type BronzeStore, openStore } from "@obsrvr/bronze-store";
import { largeParquet, parquetOf } from "../helpers/parquet.ts";
import { checksumOf, MANIFEST, PARQUET, PRODUCER, REF } from "../helpers/partition.ts";
import type { Service, ServiceHarness } from "../helpers/service.ts";
import { type Fault, type FaultProxy, startProxy } from "../servers/tcp_proxy.ts";

const options = { producer: PRODUCER };
const small = parquetOf({ seed: 1 });
const large = largeParquet(3_000_000);
const others = parquetOf({ seed: 2 });
const IDLE_MS = 400;

const xml = (code: string, more = "") =>
  `<?xml version="1.0"?><Error><Code>${code}</Code><Message>As told</Message>${more}</Error>`;

/** What each fault ends in: `created`, or the codes of the errors that are right. */
const FAULTS: [name: string, fault: Fault, ends: RegExp][] = [
  ["cut before a byte was sent", { refuseConnection: true }, /^(network|unknown_outcome)$/],
  ["cut at the first byte of the body", { cutBeforeBody: true }, /^unknown_outcome$/],
  ["cut in the middle of the body", { cutAfterRequestBytes: 300 }, /^unknown_outcome$/],
  ["cut after the body, before the response", { cutBeforeResponse: true }, /^created$/],
  ["cut in the head of the response", { cutResponseAfterBytes: 20 }, /^created$/],
  ["stalled in the middle of the body", { stallRequest: 300 }, /^unknown_outcome$/],
  ["stalled before the response", { stallResponse: true }, /^created$/],
  ["never answered", { silent: true }, /^unknown_outcome$/],
  ["100 Continue twice", { continueTwice: true }, /^created$/],
  ["412 early", early(412, "PreconditionFailed"), /^(conflict|unknown_outcome|network)$/],
  ["403 early", early(403, "AccessDenied"), /^(access_denied|unknown_outcome|network)$/],
  ["403", whole(403, "AccessDenied"), /^access_denied$/],
  ["409", whole(409, "ConditionalRequestConflict"), /^conflict$/],
  ["429", whole(429, "TooManyRequests"), /^throttled$/],
  ["500", whole(500, "InternalError"), /^unknown_outcome$/],
  ["503 SlowDown", whole(503, "SlowDown"), /^throttled$/],
  ["503", whole(503, "ServiceUnavailable"), /^unknown_outcome$/],
  [
    "301",
    whole(301, "PermanentRedirect", { "x-amz-bucket-region": "eu-west-7" }),
    /^wrong_region$/,
  ],
  ["400 for a digest", whole(400, "BadDigest"), /^checksum_refused$/],
  ["200 with an error document", whole(200, "InternalError"), /^unknown_outcome$/],
  [
    "200 from something else",
    { answer: { status: 200, body: "<html>Log in</html>" } },
    /^unknown_outcome$/,
  ],
];
const RETRYABLE = /^(network|unknown_outcome|conflict|throttled|checksum_refused)$/;

function whole(status: number, code: string, headers: Record<string, string> = {}): Fault {
  return { answer: { status, body: xml(code), headers } };
}

function early(status: number, code: string): Fault {
  return { answerEarly: { status, body: xml(code) } };
}

interface Faulty {
  service: Service;
  proxy: FaultProxy;
  store: BronzeStore;
  direct: BronzeStore;
  /** Lets the next such request meet a fault. */
  once(method: string, key: string, fault: Fault): void;
}

/** What becomes of a publish when the network or the store fails. */
export function faultConformance(harness: ServiceHarness): void {
  const test = (behaviour: string, body: (faulty: Faulty) => Promise<void>) =>
    Deno.test(`${harness.name} faults: ${behaviour}`, async () => {
      await using service = await harness.service();
      await using proxy = await startProxy(service.host, service.port);
      const once = (method: string, key: string, fault: Fault) => {
        let met = false;
        proxy.rule((request) => {
          const meets = !met && request.method === method && request.path.endsWith(tail(key));
          met ||= meets;
          return meets ? fault : undefined;
        });
      };
      const config = { ...service.config(proxy.endpoint), idleTimeoutMs: IDLE_MS };
      const store = openStore(config);
      await body({ service, proxy, store, once, direct: openStore(service.config()) });
    });

  const tail = (key: string) => key.split("/").at(-1)!;

  async function publishAgain(
    { direct, proxy, service }: Faulty,
    bytes: Uint8Array,
  ): Promise<void> {
    // Ends what still hangs: MinIO lets nobody else write a key while a PUT of it is under way.
    await proxy[Symbol.asyncDispose]();
    const { status } = await direct.publish(REF, bytes, options);
    assert.match(status, /^(created|completed|unchanged)$/);
    assert.equal((await direct.verify(REF)).checksum, checksumOf(bytes));
    assert.deepEqual(await service.list(), [MANIFEST, PARQUET]);
  }

  for (const [size, bytes] of [["small", small], ["large", large]] as const) {
    for (const [name, fault, ends] of FAULTS) {
      test(`PUT of a ${size} Parquet object: ${name}`, async (faulty) => {
        faulty.once("PUT", PARQUET, fault);
        const outcome = await outcomeOf(faulty.store.publish(REF, bytes, options));
        assert.match(outcome.name, ends, outcome.message);
        assert.equal(outcome.retryable, RETRYABLE.test(outcome.name));
        if (name === "301") assert.match(outcome.message, /eu-west-7/);
        await publishAgain(faulty, bytes);
      });
    }
  }

  for (const [name, fault] of FAULTS) {
    test(`PUT of the manifest: ${name}`, async (faulty) => {
      faulty.once("PUT", MANIFEST, fault);
      const outcome = await outcomeOf(faulty.store.publish(REF, small, options));
      // Whatever it was, a second PUT of the same manifest is safe, and the publish may make it itself.
      assert.match(
        outcome.name,
        /^(created|access_denied|wrong_region|checksum_refused|network|unknown_outcome)$/,
        outcome.message,
      );
      await publishAgain(faulty, small);
    });
  }

  for (const [method, key] of [["GET", MANIFEST], ["HEAD", PARQUET]] as const) {
    for (
      const [name, fault, code] of [
        ["cut", { refuseConnection: true }, /^network$/],
        ["stalled", { stallResponse: true }, /^timeout$/],
        ["cut in its response", { cutResponseAfterBytes: 30 }, /^network$/],
        ["503", whole(503, "ServiceUnavailable"), /^unavailable$/],
        ["200 from something else", { answer: { status: 200, body: "<html>" } }, /^unavailable$/],
      ] as [string, Fault, RegExp][]
    ) {
      test(`${method}: ${name} is an error worth retrying, and nothing is written`, async (faulty) => {
        faulty.once(method, key, fault);
        const outcome = await outcomeOf(faulty.store.publish(REF, small, options));
        // On a connection that was used before, Deno makes a GET or HEAD again by itself.
        if (name.startsWith("cut") && outcome.name === "created") return;
        assert.match(outcome.name, code, outcome.message);
        assert.equal(outcome.retryable, true);
        assert.deepEqual(await faulty.service.list(), []);
      });
    }
  }

  test("a writer that dies between the two PUTs and returns with other bytes", async (faulty) => {
    faulty.proxy.rule(({ method, path }) =>
      method === "PUT" && path.endsWith("_manifest.json") ? { refuseConnection: true } : undefined
    );
    await assert.rejects(faulty.store.publish(REF, small, options), { retryable: true });
    assert.equal(await faulty.direct.exists(REF), false);
    await assert.rejects(faulty.direct.verify(REF), { code: "incomplete" });
    const error = await faulty.direct.publish(REF, others, options).catch((error) => error);
    assert.equal(error.code, "partition_exists");
    assert.equal(error.manifest.tables.ledgers_lcm_raw.checksum, checksumOf(small));
    assert.deepEqual(error.manifest.producer, PRODUCER, "not the manifest that the object carries");
    await publishAgain(faulty, small);
  });

  test("a late write that another publisher has overtaken changes nothing", async (faulty) => {
    const late = Promise.withResolvers<void>();
    faulty.once("PUT", PARQUET, { delayApply: late.promise });
    const outcome = await outcomeOf(faulty.store.publish(REF, small, options));
    assert.equal(outcome.name, "unknown_outcome");
    assert.equal((await faulty.direct.publish(REF, others, options)).status, "created");
    late.resolve();
    await faulty.proxy.settled();
    assert.equal((await faulty.direct.verify(REF)).checksum, checksumOf(others));
  });

  test("a late write that lands first is completed by the next publisher", async (faulty) => {
    const late = Promise.withResolvers<void>();
    faulty.once("PUT", PARQUET, { delayApply: late.promise });
    await assert.rejects(faulty.store.publish(REF, small, options), { code: "unknown_outcome" });
    late.resolve();
    await faulty.proxy.settled();
    await assert.rejects(faulty.direct.publish(REF, others, options), { code: "partition_exists" });
    assert.equal((await faulty.direct.verify(REF)).checksum, checksumOf(small));
  });

  for (const key of [PARQUET, MANIFEST]) {
    test(`two overwriters and a late write of ${tail(key)}: never a torn pair`, async (faulty) => {
      const { service, proxy } = faulty;
      const overwriter = (endpoint?: string) =>
        openStore({ ...service.config(endpoint), idleTimeoutMs: IDLE_MS, allowOverwrite: true });
      await faulty.direct.publish(REF, others, options);
      const late = Promise.withResolvers<void>();
      faulty.once("PUT", key, { delayApply: late.promise });
      await outcomeOf(overwriter(proxy.endpoint).publish(REF, small, options));
      const third = parquetOf({ seed: 3 });
      await overwriter().publish(REF, third, options);
      late.resolve();
      await proxy.settled();
      assert.equal((await faulty.direct.verify(REF)).checksum, checksumOf(third));
    });
  }

  test("a crash in an overwrite leaves incomplete, which the next publisher completes", async (faulty) => {
    await faulty.direct.publish(REF, others, options);
    faulty.proxy.rule(({ method, path }) =>
      method === "PUT" && path.endsWith("_manifest.json") ? { refuseConnection: true } : undefined
    );
    const config = { ...faulty.service.config(faulty.proxy.endpoint), allowOverwrite: true };
    await assert.rejects(openStore(config).publish(REF, small, options));
    assert.equal((await faulty.direct.inspect(REF)).state, "incomplete");
    await assert.rejects(faulty.direct.verify(REF), { code: "incomplete" });
    await assert.rejects(faulty.direct.publish(REF, others, options), { code: "partition_exists" });
    assert.equal((await faulty.direct.verify(REF)).checksum, checksumOf(small));
  });

  test("an abort after bytes were sent is an unknown outcome, at once", async (faulty) => {
    const controller = new AbortController();
    faulty.once("PUT", PARQUET, { stallRequest: 300 });
    setTimeout(() => controller.abort(new Error("enough")), 200);
    const publishing = faulty.store.publish(REF, large, { ...options, signal: controller.signal });
    await assert.rejects(publishing, { code: "unknown_outcome", retryable: true });
    await publishAgain(faulty, large);
  });

  test("a connection that nobody accepts is a network error", async ({ service }) => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const store = openStore(service.config(`http://127.0.0.1:${port}`));
    await assert.rejects(store.publish(REF, small, options), { code: "network", retryable: true });
  });
}

async function outcomeOf(
  publishing: Promise<{ status: string }>,
): Promise<{ name: string; message: string; retryable: boolean }> {
  try {
    return { name: (await publishing).status, message: "", retryable: false };
  } catch (error) {
    const { code, message, retryable } = error as { code: string } & Error & { retryable: boolean };
    return { name: code ?? "unexpected", message: `${message} ${code ? "" : error}`, retryable };
  }
}
