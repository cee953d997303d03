import { assertKeyPair, importProvider, noCredentials } from "./_address.ts";

/** What a request to Google is authorised with: an HMAC key that signs it, or a bearer token. */
export type GcsCredentials =
  | { accessKeyId: string; secretAccessKey: string }
  | { accessToken: string };

/** Returns credentials that are valid now. */
export type GcsCredentialsProvider = () => Promise<GcsCredentials>;

interface CredentialOptions {
  accessKeyId?: string | undefined;
  secretAccessKey?: string | undefined;
  credentials?: GcsCredentialsProvider | undefined;
}

/** The part of google-auth-library that is used. */
interface GoogleAuthLibrary {
  GoogleAuth: new (options: { scopes: string }) => GoogleAuth;
}
interface GoogleAuth {
  jsonContent: { token_uri?: string } | null;
  getClient(): Promise<{
    getAccessToken(): Promise<{ token?: string | null }>;
    transporter: { interceptors: { request: { add(interceptor: unknown): unknown } } };
  }>;
}

/** In a variable, since Deno downloads a literal `import("npm:…")` for every user, needed or not. */
const GOOGLE_AUTH = "npm:google-auth-library@^10";
const SCOPE = "https://www.googleapis.com/auth/devstorage.read_write";
/** Where google-auth-library asks for the tokens of a service account, whatever its file says. */
const TOKEN_URI = "https://oauth2.googleapis.com/token";

/** Where the credentials of each request come from: the options, the caller, or Google's own chain. */
export function gcsCredentials(options: CredentialOptions): GcsCredentialsProvider {
  const { accessKeyId, secretAccessKey, credentials } = options;
  assertKeyPair(options, "GCS_HMAC_ACCESS_ID and GCS_HMAC_SECRET");
  if (accessKeyId && secretAccessKey) {
    return () => Promise.resolve({ accessKeyId, secretAccessKey });
  }
  let provider: GcsCredentialsProvider | undefined = credentials;
  return async () => {
    try {
      provider ??= await applicationDefault();
      return await provider();
    } catch (cause) {
      throw noCredentials(cause);
    }
  };
}

/** Application Default Credentials; the library keeps a token and renews it five minutes early. */
async function applicationDefault(): Promise<GcsCredentialsProvider> {
  const { GoogleAuth } = await importProvider<GoogleAuthLibrary>(GOOGLE_AUTH);
  const auth = new GoogleAuth({ scopes: SCOPE });
  const client = await auth.getClient();
  const tokenUri = auth.jsonContent?.token_uri;
  if (tokenUri !== undefined && tokenUri !== TOKEN_URI) {
    client.transporter.interceptors.request.add({
      resolved: (request: { url: URL }) =>
        Promise.resolve(
          request.url.href === TOKEN_URI ? { ...request, url: new URL(tokenUri) } : request,
        ),
    });
  }
  return async () => {
    const { token } = await client.getAccessToken();
    if (!token) throw new Error("Google's chain gave no token");
    return { accessToken: token };
  };
}
