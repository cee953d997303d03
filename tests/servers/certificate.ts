/** A private authority and a certificate it has signed, as PEM files that go when disposed of. */
export interface Certificates extends AsyncDisposable {
  /** The authority, for a client to trust. */
  caFile: string;
  /** The server's certificate, for 127.0.0.1 and localhost. */
  certFile: string;
  /** The server's private key. */
  keyFile: string;
}

const CONFIG = `
[req]
distinguished_name = name
prompt = no
[name]
CN = bronze-store test
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, DNS:localhost
`;

/**
 * Makes a new authority and a server certificate with `openssl`. Each call's authority is another one, so
 * a second call gives a certificate that the first one's authority does not vouch for.
 */
export async function makeCertificates(): Promise<Certificates> {
  const cwd = await Deno.makeTempDir({ prefix: "bronze-certificates-" });
  const remove = () => Deno.remove(cwd, { recursive: true });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  try {
    await Deno.writeTextFile(`${cwd}/openssl.cnf`, CONFIG);
    await openssl(cwd, [
      ...["req", "-config", "openssl.cnf", "-x509", "-extensions", "ca", "-days", "30", ...key],
      ...["-subj", `/CN=bronze-store test CA ${crypto.randomUUID()}`],
      ...["-keyout", "ca.key", "-out", "ca.crt"],
    ]);
    await openssl(cwd, [
      ...["req", "-config", "openssl.cnf", ...key, "-subj", "/CN=127.0.0.1"],
      ...["-keyout", "server.key", "-out", "server.csr"],
    ]);
    await openssl(cwd, [
      ...["x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key"],
      ...["-CAcreateserial", "-days", "30", "-extfile", "openssl.cnf", "-extensions", "server"],
      ...["-out", "server.crt"],
    ]);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    caFile: `${cwd}/ca.crt`,
    certFile: `${cwd}/server.crt`,
    keyFile: `${cwd}/server.key`,
    [Symbol.asyncDispose]: remove,
  };
}

async function openssl(cwd: string, args: string[]): Promise<void> {
  const options = { args, cwd, stdin: "null", stdout: "null", stderr: "piped" } as const;
  const { success, stderr } = await new Deno.Command("openssl", options).output();
  if (!success) {
    throw new Error(`Cannot make a certificate: openssl ${args[0]}: ${text(stderr)}`);
  }
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).trim();
}
