import { AwsV4Signer } from "aws4fetch";
import { createHmac } from "node:crypto";

/** A request to sign the way Google spells it. */
interface Goog4Request {
  method: string;
  url: string;
  headers: Record<string, string>;
  accessKeyId: string;
  secretAccessKey: string;
  /** When, as in `20260102T030405Z`; now without it. */
  datetime?: string;
}

const ALGORITHM = "GOOG4-HMAC-SHA256";
const REGION = "auto";
const SERVICE = "storage";
const TERMINATOR = "goog4_request";

/**
 * Amazon's signature in Google's spelling. Its own is needed since Google refuses a request that mixes
 * `x-amz-` and `x-goog-` headers, and only `x-goog-` ones can make a PUT create only.
 *
 * https://cloud.google.com/storage/docs/authentication/signatures
 * https://cloud.google.com/storage/docs/authentication/canonical-requests
 */
export class Goog4Signer extends AwsV4Signer {
  constructor(request: Goog4Request) {
    // The path is percent-encoded already, and Google signs it as it stands.
    super({ ...request, service: SERVICE, region: REGION, singleEncode: true });
    this.headers.delete("x-amz-date");
    this.headers.set("x-goog-date", this.datetime);
    // Not the others: Google's front end rewrites accept-encoding before it checks the signature.
    this.signableHeaders = [
      "host",
      ...[...this.headers.keys()].filter((name) => name.startsWith("x-goog-")),
    ].sort();
    this.signedHeaders = this.signableHeaders.join(";");
    this.canonicalHeaders = this.signableHeaders.map((name) =>
      `${name}:${name === "host" ? this.url.host : this.headers.get(name)}`
    ).join("\n");
    this.credentialString = [this.#date, REGION, SERVICE, TERMINATOR].join("/");
  }

  get #date(): string {
    return this.datetime.slice(0, 8);
  }

  override hexBodyHash(): Promise<string> {
    return Promise.resolve(this.headers.get("x-goog-content-sha256")!);
  }

  override async stringToSign(): Promise<string> {
    const [, ...rest] = (await super.stringToSign()).split("\n");
    return [ALGORITHM, ...rest].join("\n");
  }

  override async signature(): Promise<string> {
    const key = [this.#date, REGION, SERVICE, TERMINATOR].reduce<string | Uint8Array>(
      (key, part) => createHmac("sha256", key).update(part).digest(),
      `GOOG4${this.secretAccessKey}`,
    );
    return createHmac("sha256", key).update(await this.stringToSign()).digest("hex");
  }

  override async authHeader(): Promise<string> {
    return `${ALGORITHM} Credential=${this.accessKeyId}/${this.credentialString}, SignedHeaders=${this.signedHeaders}, Signature=${await this
      .signature()}`;
  }
}
