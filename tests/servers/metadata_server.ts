import { Buffer } from "node:buffer";
import { createVerify, generateKeyPairSync, type KeyObject } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** Options of {@linkcode startMetadataServer}. */
export interface MetadataServerOptions {
  /** The access token that both endpoints give out. */
  token: string;
  /** How long each is said to be good. @default {3600} */
  expiresInSeconds?: number;
}

/** A running double of Google's metadata server and of its OAuth token endpoint. */
export interface MetadataServer extends AsyncDisposable {
  /** What `GCE_METADATA_HOST` is set to. */
  host: string;
  /** The `token_uri` of {@linkcode MetadataServer.serviceAccountFile}. */
  tokenUri: string;
  /** Method and path of every request, in the order of arrival. */
  requests: string[];
  /** How many tokens were given out. */
  issued(): number;
  /** Gives out this one from now on. */
  setToken(token: string, options?: { expiresInSeconds?: number }): void;
  /**
   * Writes a service account's key file, with a key of its own.
   *
   * @returns its path, for `GOOGLE_APPLICATION_CREDENTIALS`; removed with the server
   */
  serviceAccountFile(): Promise<string>;
}

const BASE = "/computeMetadata/v1";
const EMAIL = "writer@test-project.iam.gserviceaccount.com";
const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
// google-auth-library 10 writes this audience into every assertion, whatever the file's token_uri.
const GOOGLE_TOKEN_URI = "https://oauth2.googleapis.com/token";

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/**
 * Finds what is wrong with a service account's assertion.
 *
 * https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests
 */
function findFault(form: string, options: { key?: KeyObject; audiences: string[] }): string | null {
  const fields = new URLSearchParams(form);
  if (fields.get("grant_type") !== GRANT) return "unsupported_grant_type";
  const parts = (fields.get("assertion") ?? "").split(".");
  if (parts.length !== 3 || options.key === undefined) return "invalid_grant";
  const signature = Buffer.from(parts[2]!, "base64url");
  const signed = createVerify("RSA-SHA256").update(`${parts[0]}.${parts[1]}`);
  if (!signed.verify(options.key, signature)) return "invalid_grant";
  const claims = JSON.parse(Buffer.from(parts[1]!, "base64url").toString());
  const now = Date.now() / 1000;
  const good = claims.iss === EMAIL && options.audiences.includes(claims.aud) &&
    claims.iat <= now + 60 && claims.exp > now && claims.exp <= claims.iat + 3600;
  if (!good) return "invalid_grant";
  return claims.scope ? null : "invalid_scope";
}

/** Starts a double of Google's metadata server and OAuth token endpoint on 127.0.0.1. */
export async function startMetadataServer(options: MetadataServerOptions): Promise<MetadataServer> {
  let { token, expiresInSeconds = 3600 } = options;
  let issued = 0;
  let key: KeyObject | undefined;
  let tokenUri = "";
  const requests: string[] = [];
  const files: string[] = [];

  const giveToken = () => {
    issued++;
    return { access_token: token, expires_in: expiresInSeconds, token_type: "Bearer" };
  };
  const account = `${BASE}/instance/service-accounts/default`;
  // https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys
  const metadata: Record<string, () => string> = {
    [`${BASE}/instance`]: () => "id\nservice-accounts/\nzone\n",
    [`${account}/token`]: () => JSON.stringify(giveToken()),
    [`${account}/email`]: () => EMAIL,
    [`${BASE}/project/project-id`]: () => "test-project",
    [`${BASE}/universe/universe-domain`]: () => "googleapis.com",
  };

  const server = createServer(async (request, response) => {
    const path = request.url!.split("?")[0]!.replace(/\/$/, "");
    requests.push(`${request.method} ${path}`);
    const body = await readText(request);
    const send = (status: number, text: string, type: string) => {
      response.writeHead(status, { "content-type": type, "metadata-flavor": "Google" });
      response.end(text);
    };
    if (request.method === "POST" && path === "/token") {
      const fault = findFault(body, {
        ...(key === undefined ? {} : { key }),
        audiences: [tokenUri, GOOGLE_TOKEN_URI],
      });
      const answer = fault === null ? giveToken() : { error: fault, error_description: fault };
      return send(fault === null ? 200 : 400, JSON.stringify(answer), "application/json");
    }
    const answer = metadata[path];
    if (request.headers["metadata-flavor"] !== "Google") return send(403, "Forbidden", "text/html");
    if (request.method !== "GET" || answer === undefined) return send(404, "", "text/html");
    send(200, answer(), path.endsWith("/token") ? "application/json" : "application/text");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  tokenUri = `http://${host}/token`;

  return {
    host,
    tokenUri,
    requests,
    issued: () => issued,
    setToken(next, changes = {}) {
      token = next;
      expiresInSeconds = changes.expiresInSeconds ?? expiresInSeconds;
    },
    async serviceAccountFile() {
      const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
      key = pair.publicKey;
      const path = await Deno.makeTempFile({ suffix: ".json" });
      files.push(path);
      const content = {
        type: "service_account",
        project_id: "test-project",
        private_key_id: "0123456789abcdef",
        private_key: pair.privateKey.export({ type: "pkcs8", format: "pem" }),
        client_email: EMAIL,
        client_id: "100000000000000000000",
        token_uri: tokenUri,
        universe_domain: "googleapis.com",
      };
      await Deno.writeTextFile(path, JSON.stringify(content));
      return path;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      for (const path of files) await Deno.remove(path);
    },
  };
}
