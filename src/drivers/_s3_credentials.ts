import { BronzeError } from "../errors.ts";

/** Credentials in the shape of Amazon's SDK. */
export interface Credentials {
  /** The access key. */
  accessKeyId: string;
  /** Its secret. */
  secretAccessKey: string;
  /** The token of a temporary access key. */
  sessionToken?: string;
}

/** Returns credentials that are valid now; any provider of Amazon's SDK fits. */
export type CredentialsProvider = () => Promise<Credentials>;

interface CredentialOptions {
  accessKeyId?: string | undefined;
  secretAccessKey?: string | undefined;
  sessionToken?: string | undefined;
  credentials?: CredentialsProvider | undefined;
}

/** In a variable, since Deno downloads a literal `import("npm:…")` for every user, needed or not. */
const PROVIDER_CHAIN = "npm:@aws-sdk/credential-provider-node@^3";

/** Where the credentials of each request come from: the options, the caller, or Amazon's own chain. */
export function s3Credentials(options: CredentialOptions): CredentialsProvider {
  const { accessKeyId, secretAccessKey, sessionToken, credentials } = options;
  if (!accessKeyId !== !secretAccessKey) {
    throw new BronzeError(
      "invalid_config",
      `Cannot sign requests: ${
        accessKeyId ? "the secret access key" : "the access key id"
      } is missing; AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (accessKeyId and secretAccessKey) belong together`,
    );
  }
  if (accessKeyId && secretAccessKey) {
    const given = { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
    return () => Promise.resolve(given);
  }
  const provider = credentials ?? providerChain();
  return async () => {
    try {
      return await provider();
    } catch (cause) {
      if (cause instanceof BronzeError) throw cause;
      throw new BronzeError(
        cause instanceof Deno.errors.NotCapable ? "not_capable" : "bad_credentials",
        `Cannot find credentials: ${cause instanceof Error ? cause.message : cause}`,
        { cause },
      );
    }
  };
}

/** Amazon's own chain (profiles, SSO, web identity, ECS, EC2), imported when it is first asked. */
function providerChain(): CredentialsProvider {
  let chain: Promise<CredentialsProvider> | undefined;
  return async () => {
    chain ??= import(PROVIDER_CHAIN).then(
      ({ defaultProvider }) => defaultProvider(),
      (cause) => {
        chain = undefined;
        throw new BronzeError(
          "bad_credentials",
          `Cannot find credentials: AWS_ACCESS_KEY_ID is not set, and Amazon's provider chain cannot be loaded (${PROVIDER_CHAIN}); set the keys, pass a credentials function, or run "deno cache ${PROVIDER_CHAIN}" beforehand`,
          { cause },
        );
      },
    );
    return await (await chain)();
  };
}
