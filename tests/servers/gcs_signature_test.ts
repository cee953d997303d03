import assert from "node:assert/strict";
import { canonicalRequest, stringToSign, verifySignature } from "./gcs_signature.ts";

// Google's own vectors; what it signs with RSA there is built the same way for HMAC:
// https://github.com/googleapis/conformance-tests/blob/main/storage/v1/v4_signatures.json
const DATE = "20190201T090000Z";
const SCOPE = "20190201/auto/storage/goog4_request";
const QUERY = "X-Goog-Algorithm=GOOG4-RSA-SHA256" +
  "&X-Goog-Credential=test-iam-credentials%40dummy-project-id.iam.gserviceaccount.com%2F" +
  "20190201%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date=20190201T090000Z&X-Goog-Expires=10" +
  "&X-Goog-SignedHeaders=";

interface Vector {
  method?: string;
  path?: string;
  query?: string;
  headers?: Record<string, string>;
  payload?: string;
  hash: string;
}

const VECTORS: Record<string, Vector> = {
  "Simple GET": { hash: "00e2fb794ea93d7adb703edaebdd509821fcc7d4f1a79ac5c8d2b394df109320" },
  "Simple PUT": {
    method: "PUT",
    hash: "78742860705da91404222d5d66ff89850292471199c3c2808d116ad12e6177b4",
  },
  "Forward Slashes should not be stripped": {
    path: "/test-bucket//path/with/slashes/under_score/amper%26sand/file.ext",
    hash: "63c601ecd6ccfec84f1113fc906609cbdf7651395f4300cecd96ddd2c35164f8",
  },
  "Headers should be trimmed": {
    headers: {
      collapsed: "abc    def",
      leading: "    xyz",
      trailing: "abc    ",
      tabs: "\tabc\t\t\t\tdef\t",
    },
    hash: "19153e83555808dbfeb8969043cc8ce8d5db0cce91dc11fb9df58b8130f09d42",
  },
  "Query Parameter Encoding": {
    query: "&aA0%C3%A9%2F%3D%25-_.~=~%20._-%25%3D%2F%C3%A90Aa",
    hash: "448f96c23dafa8210900554e138b2b5fd55bc53ef53b8637cecc3edec45a8fcf",
  },
  "Query Parameter Ordering": {
    query: "&prefix=%2Ffoo&X-Goog-Meta-Foo=bar",
    hash: "4dafe74ad142f32b7c25fc4e6b38fd3b8a6339d7f112247573fb0066f637db6c",
  },
  "Header Ordering": {
    headers: { "x-goog-date": "20190201T090000Z" },
    hash: "4052143280d90d5f4a8c878ff7418be6fee5d34e50b1da28d8081a094b88fa61",
  },
  "Signed Payload Instead of UNSIGNED-PAYLOAD": {
    method: "PUT",
    headers: {
      "x-testcasemetadata-payload-value": "hello",
      "x-goog-content-sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b982",
    },
    payload: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b982",
    hash: "be21a0841a897930ff5cf72e6e74ec5274efd76c3fe4cde6678f24a0a3d6dbec",
  },
};

Deno.test({
  name: "canonicalRequest() and stringToSign() rebuild Google's conformance vectors",
  permissions: "none",
  fn() {
    for (const [name, vector] of Object.entries(VECTORS)) {
      const headers = { ...vector.headers, host: "storage.googleapis.com" };
      const signedHeaders = Object.keys(headers);
      const canonical = canonicalRequest({
        method: vector.method ?? "GET",
        rawPath: vector.path ?? "/test-bucket/test-object",
        rawQuery: QUERY + signedHeaders.toSorted().join("%3B") + (vector.query ?? ""),
        headers,
        signedHeaders,
        payload: vector.payload ?? "UNSIGNED-PAYLOAD",
      });
      assert.equal(
        stringToSign("GOOG4-RSA-SHA256", DATE, { scope: SCOPE, canonical }),
        `GOOG4-RSA-SHA256\n${DATE}\n${SCOPE}\n${vector.hash}`,
        `${name}: ${canonical}`,
      );
    }
  },
});

Deno.test({
  name: "verifySignature() accepts what other clients sign",
  permissions: "none",
  fn() {
    // https://github.com/ClickHouse/ClickHouse/blob/master/src/IO/S3/tests/gtest_goog4_signer.cpp
    const clickhouse = {
      keys: new Map([["GOOGTESTACCESSKEY", "testsecretkey"]]),
      host: "storage.googleapis.com",
      date: "20260703T000000Z",
      now: new Date("2026-07-03T00:00:00Z"),
      payload: "UNSIGNED-PAYLOAD",
    };
    // https://github.com/RichieSams/lua-resty-gcs-signature/tree/master/t
    const lua = {
      // The vector's own access id and secret.
      keys: new Map([["XXXXX", "YYYYY"]]),
      host: "example.com",
      date: "20241121T023539Z",
      now: new Date("2024-11-21T02:35:39Z"),
      method: "GET",
      path: "/foo/bar",
    };
    const vectors = [
      {
        ...clickhouse,
        method: "PUT",
        path: "/test-bucket/dir/obj.txt",
        headers: { "x-goog-if-generation-match": "0" },
        signature: "4f82e49c69753329afd4768ccf1db6b472dbbd86d082a08b5b9f9fe368fb6ef6",
      },
      {
        ...clickhouse,
        method: "GET",
        path: "/test-bucket/",
        query: "versioning",
        signature: "28a981c32acff334738b9ea1a0f82c28c9a1ccff5b6dc8fb92a2e6622c8db73f",
      },
      {
        ...lua,
        payload: "UNSIGNED-PAYLOAD",
        signature: "528346f587a0b46433f92d583f3148b88a5117bf26131f328553789feb433028",
      },
      {
        ...lua,
        payload: "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c",
        signature: "c5de427ece20baa9c60a3dca384aec3468a136e97a8adb2b75c7686dc9e4d589",
      },
    ];
    for (const vector of vectors) {
      const headers: Record<string, string> = {
        ...("headers" in vector ? vector.headers : {}),
        "host": vector.host,
        "x-goog-date": vector.date,
        "x-goog-content-sha256": vector.payload,
      };
      const scope = `${vector.date.slice(0, 8)}/auto/storage/goog4_request`;
      const names = Object.keys(headers).sort().join(";");
      headers["authorization"] = `GOOG4-HMAC-SHA256 Credential=${
        [...vector.keys.keys()][0]
      }/${scope}, SignedHeaders=${names}, Signature=${vector.signature}`;
      const request = {
        method: vector.method,
        rawPath: vector.path,
        rawQuery: "query" in vector ? vector.query! : "",
        headers,
        bodySha256Hex: vector.payload,
      };
      assert.deepEqual(verifySignature(request, vector.keys, vector.now), { ok: true });
      const other = { ...request, method: "DELETE" };
      assert.equal(verifySignature(other, vector.keys, vector.now).ok, false);
    }
  },
});
