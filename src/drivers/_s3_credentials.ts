import { assertKeyPair, importProvider, noCredentials } from "./_address.ts";

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
  assertKeyPair(options, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  if (accessKeyId && secretAccessKey) {
    const given = { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
    return () => Promise.resolve(given);
  }
  // Profiles, SSO, web identity, ECS, EC2; the chain keeps what it found and renews it in time.
  let chain: CredentialsProvider | undefined = credentials;
  return async () => {
    try {
      chain ??=
        (await importProvider<{ defaultProvider: () => CredentialsProvider }>(PROVIDER_CHAIN))
          .defaultProvider();
      return await chain();
    } catch (cause) {
      throw noCredentials(cause);
    }
  };
}
