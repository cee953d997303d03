import assert from "node:assert/strict";
import { GoogleAuth } from "npm:google-auth-library@^10.0.0";
import { startMetadataServer } from "./metadata_server.ts";

const scopes = ["https://www.googleapis.com/auth/devstorage.read_write"];

function test(name: string, fn: () => Promise<void>): void {
  // google-auth-library looks at the machine it runs on; the network stays closed to it.
  const permissions = { net: ["127.0.0.1"], env: true, read: true, write: true, sys: true };
  Deno.test({ name: `startMetadataServer() ${name}`, permissions, fn });
}

test("is what google-auth-library takes for a metadata server", async () => {
  await using server = await startMetadataServer({ token: "token-1", expiresInSeconds: 10 });
  Deno.env.set("GCE_METADATA_HOST", server.host);
  try {
    const auth = new GoogleAuth({ scopes });
    assert.equal(await auth.getAccessToken(), "token-1");
    server.setToken("token-2", { expiresInSeconds: 3600 });
    assert.equal(await auth.getAccessToken(), "token-2");
    assert.equal(await auth.getAccessToken(), "token-2");
    assert.equal(server.issued(), 2);
  } finally {
    Deno.env.delete("GCE_METADATA_HOST");
  }
});

test("gives a token for a service account's key file", async () => {
  await using server = await startMetadataServer({ token: "token-1" });
  const keyFile = await server.serviceAccountFile();
  const client = await new GoogleAuth({ scopes, keyFile }).getClient();
  // The library posts to Google whatever the file says.
  client.transporter.interceptors.request.add({
    resolved: (request) => Promise.resolve({ ...request, url: new URL(server.tokenUri) }),
  });
  assert.equal((await client.getAccessToken()).token, "token-1");
  assert.deepEqual(server.requests, ["POST /token"]);

  await server.serviceAccountFile();
  const stale = await new GoogleAuth({ scopes, keyFile }).getClient();
  stale.transporter.interceptors.request.add({
    resolved: (request) => Promise.resolve({ ...request, url: new URL(server.tokenUri) }),
  });
  await assert.rejects(stale.getAccessToken(), /invalid_grant/);
  assert.equal(server.issued(), 1);
});

test("wants the header that proves the request was meant", async () => {
  await using server = await startMetadataServer({ token: "token-1" });
  const url = `http://${server.host}/computeMetadata/v1/instance/service-accounts/default/token`;
  const refused = await fetch(url);
  await refused.body?.cancel();
  assert.equal(refused.status, 403);
  const answer = await fetch(url, { headers: { "metadata-flavor": "Google" } });
  const expected = { access_token: "token-1", expires_in: 3600, token_type: "Bearer" };
  assert.deepEqual(await answer.json(), expected);
  assert.equal(answer.headers.get("metadata-flavor"), "Google");
});
