import { AwsClient } from "npm:aws4fetch@^1.0.20";

/** Whom an {@linkcode S3Admin} acts as, and where. */
export interface S3AdminOptions {
  endpoint: string;
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
  sessionToken?: string;
  /** How to connect, for a server whose certificate only a private authority vouches for. */
  client?: Deno.HttpClient;
}

/** Credentials that MinIO has given out for a while. */
export interface TemporaryCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
}

/** Acts on an S3 server behind the driver's back, so that a test can look and meddle. */
export class S3Admin {
  readonly #aws: AwsClient;
  readonly #endpoint: string;
  readonly #client: Deno.HttpClient | undefined;

  /** Sends nothing yet. */
  constructor(options: S3AdminOptions) {
    const { endpoint, client, ...credentials } = options;
    this.#aws = new AwsClient({ ...credentials, service: "s3", retries: 0 });
    this.#endpoint = endpoint.replace(/\/+$/, "");
    this.#client = client;
  }

  /** Makes a bucket. */
  async createBucket(name: string, options: { objectLock?: boolean } = {}): Promise<void> {
    const headers: Record<string, string> = options.objectLock
      ? { "x-amz-bucket-object-lock-enabled": "true" }
      : {};
    await this.#done(await this.#send("PUT", urlPath(name), { headers }));
  }

  /** Reads an object; null when it is not there. */
  async get(bucket: string, key: string): Promise<Uint8Array | null> {
    const response = await this.#send("GET", urlPath(bucket, key));
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    const body = await response.text();
    if (body.includes("<Code>NoSuchKey</Code>")) return null;
    throw failure(response, body);
  }

  /** Writes an object, whatever is there. */
  async put(
    bucket: string,
    key: string,
    bytes: Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<void> {
    await this.#done(await this.#send("PUT", urlPath(bucket, key), { headers, body: bytes }));
  }

  /** Removes an object, which need not be there. */
  async remove(bucket: string, key: string): Promise<void> {
    await this.#done(await this.#send("DELETE", urlPath(bucket, key)));
  }

  /** The headers of an object, its checksum among them; null when it is not there. */
  async head(bucket: string, key: string): Promise<Headers | null> {
    const headers = { "x-amz-checksum-mode": "ENABLED" };
    const response = await this.#send("HEAD", urlPath(bucket, key), { headers });
    await response.body?.cancel();
    if (response.status === 404) return null;
    if (!response.ok) throw failure(response, "");
    return response.headers;
  }

  /** The keys that begin with a prefix, in order. */
  async list(bucket: string, prefix = ""): Promise<string[]> {
    const keys: string[] = [];
    let token: string | undefined;
    do {
      const query = new URLSearchParams({ "list-type": "2", "encoding-type": "url", prefix });
      if (token !== undefined) query.set("continuation-token", token);
      // Signers and servers agree on "%20" for a space, not on "+".
      const search = query.toString().replaceAll("+", "%20");
      const body = await this.#done(await this.#send("GET", `${urlPath(bucket)}?${search}`));
      for (const [, key] of body.matchAll(/<Key>(.*?)<\/Key>/gs)) {
        keys.push(decodeURIComponent(key!.replaceAll("+", "%20")));
      }
      token = element(body, "NextContinuationToken");
    } while (token);
    return keys;
  }

  /** Asks for credentials that may do no more than the policy says. */
  async assumeRole(policy: object): Promise<TemporaryCredentials> {
    const body = new URLSearchParams({
      Action: "AssumeRole",
      Version: "2011-06-15",
      DurationSeconds: "3600",
      Policy: JSON.stringify(policy),
    }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const response = await this.#send("POST", "/", { headers, body }, "sts");
    const text = await this.#done(response);
    const [accessKeyId, secretAccessKey, sessionToken] = [
      element(text, "AccessKeyId"),
      element(text, "SecretAccessKey"),
      element(text, "SessionToken"),
    ];
    if (!accessKeyId || !secretAccessKey || !sessionToken) {
      throw new Error("AssumeRole answered without credentials");
    }
    return { accessKeyId, secretAccessKey, sessionToken };
  }

  async #send(
    method: string,
    path: string,
    init: { headers?: Record<string, string>; body?: Uint8Array<ArrayBuffer> | string } = {},
    service = "s3",
  ): Promise<Response> {
    const url = `${this.#endpoint}${path}`;
    const signed = await this.#aws.sign(url, { method, ...init, aws: { service } });
    return await fetch(signed, this.#client && { client: this.#client });
  }

  async #done(response: Response): Promise<string> {
    const body = await response.text();
    if (!response.ok) throw failure(response, body);
    return body;
  }
}

function urlPath(bucket: string, key?: string): string {
  const segments = key === undefined ? [bucket] : [bucket, ...key.split("/")];
  return `/${segments.map(encodeStrictly).join("/")}`;
}

function encodeStrictly(segment: string): string {
  return encodeURIComponent(segment).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function element(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
}

function failure(response: Response, body: string): Error {
  return new Error(`S3 answered ${response.status} ${element(body, "Code") ?? ""}: ${body}`);
}
