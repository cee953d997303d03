import { BronzeError, type BronzeErrorCode, hasCode } from "../errors.ts";
import { TransportError } from "../transport.ts";

/** A refusal as the store tells it. */
export interface Refusal {
  status: number;
  headers: Record<string, string | undefined>;
  /** The error document; empty for a HEAD. */
  document: string;
}

/** What was asked of the store. */
export interface Attempt {
  /** As in "Cannot write". */
  action: string;
  /** Where, without secrets. */
  uri: string;
  key: string;
}

/**
 * What the error codes of S3 and Google mean here.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 * https://cloud.google.com/storage/docs/xml-api/reference-status
 */
const MEANINGS: Record<string, BronzeErrorCode> = {
  AccessDenied: "access_denied",
  AllAccessDisabled: "access_denied",
  AccountProblem: "access_denied",
  AuthenticationRequired: "bad_credentials",
  AuthorizationHeaderMalformed: "wrong_region",
  BadDigest: "checksum_refused",
  ConditionalRequestConflict: "conflict",
  CrcMismatch: "checksum_refused",
  EntityTooLarge: "too_large",
  ExcessHeaderValues: "unsupported",
  ExpiredToken: "bad_credentials",
  IllegalLocationConstraintException: "wrong_region",
  InvalidAccessKeyId: "bad_credentials",
  InvalidDigest: "checksum_refused",
  InvalidObjectState: "archived",
  InvalidSecurity: "bad_credentials",
  InvalidToken: "bad_credentials",
  MalformedSecurityHeader: "bad_credentials",
  NoSuchBucket: "no_such_bucket",
  NotImplemented: "unsupported",
  OperationAborted: "conflict",
  PermanentRedirect: "wrong_region",
  QuotaExceeded: "no_space",
  RequestExpired: "clock_skew",
  RequestTimeTooSkewed: "clock_skew",
  RequestTimeout: "timeout",
  SignatureDoesNotMatch: "bad_credentials",
  SlowDown: "throttled",
  TemporaryRedirect: "wrong_region",
  TokenRefreshRequired: "bad_credentials",
  XAmzContentChecksumMismatch: "checksum_refused",
  XAmzContentSHA256Mismatch: "checksum_refused",
  XMinioStorageFull: "no_space",
};

const BY_STATUS: Record<number, BronzeErrorCode> = {
  301: "wrong_region",
  307: "wrong_region",
  401: "bad_credentials",
  403: "access_denied",
  408: "timeout",
  409: "conflict",
  429: "throttled",
  500: "unavailable",
  501: "unsupported",
  502: "unavailable",
  503: "unavailable",
  504: "unavailable",
};

const ADVICE: Partial<Record<BronzeErrorCode, string>> = {
  access_denied: "grant this role the permission",
  bad_credentials:
    "check the access key, the secret and the session token, and whether they expired",
  checksum_refused: "the bytes that arrived were not those that were sent; try again",
  clock_skew: "this machine's clock is wrong; set it",
  conflict: "another write of this key was under way; try again",
  no_such_bucket: "the bucket does not exist; correct its name or make it",
  no_space: "the store is full",
  throttled: "the store asks for fewer requests; wait, then try again",
  timeout: "try again",
  unavailable: "the store failed; try again",
};

/** Says what a store's refusal means for someone who publishes partitions. */
export function refusalError(attempt: Attempt, refusal: Refusal): BronzeError {
  const { status, headers, document } = refusal;
  const told = element(document, "Code");
  const region = headers["x-amz-bucket-region"] ?? element(document, "Region");
  const code = MEANINGS[told ?? ""] ??
    (region && status >= 300 && status <= 400 ? "wrong_region" : BY_STATUS[status] ?? "io");
  const advice = code === "wrong_region" && region
    ? `the bucket is in the region ${region}; set S3_REGION=${region}`
    : ADVICE[code];
  const requestId = headers["x-amz-request-id"] ?? headers["x-guploader-uploadid"];
  const answer = [
    told ?? `status ${status}`,
    told && `status ${status}`,
    requestId && `request ${requestId}`,
  ].filter(Boolean).join(", ");
  const message = element(document, "Message");
  return new BronzeError(
    code,
    `Cannot ${attempt.action} ${attempt.uri}: ${advice ? `${advice} ` : ""}(${answer}${
      message ? `: ${message}` : ""
    })`,
    { key: attempt.key },
  );
}

/** Says what became of a request that had no whole answer. */
export function transportError(attempt: Attempt, error: unknown): BronzeError {
  if (!(error instanceof TransportError)) throw error;
  const { kind, sent, message } = error;
  const what = `Cannot ${attempt.action} ${attempt.uri}`;
  const options = { key: attempt.key, cause: error };
  if (sent) return unknownOutcome(attempt, error);
  switch (kind) {
    case "not_capable":
      return new BronzeError(
        "not_capable",
        `${what}: ${message}; ${permissionAdvice(message)}`,
        options,
      );
    case "certificate":
      return new BronzeError(
        "invalid_config",
        `${what}: its certificate is not trusted (${message}); name the authority's file in AWS_CA_BUNDLE or NODE_EXTRA_CA_CERTS, or set DENO_TLS_CA_STORE=system`,
        options,
      );
    case "aborted":
      return new BronzeError(
        "aborted",
        `${what}: the caller aborted it before anything was sent`,
        options,
      );
    default:
      return new BronzeError(kind, `${what}: ${message}`, options);
  }
}

/** The error of a write that may have happened. */
export function unknownOutcome(attempt: Attempt, cause: Error): BronzeError {
  return new BronzeError(
    "unknown_outcome",
    `Cannot tell whether it was possible to ${attempt.action} ${attempt.uri}: the outcome is unknown, since bytes had been sent (${cause.message}); publish again, which tells`,
    { key: attempt.key, cause },
  );
}

/** Whether the store's answer to a whole request leaves open what it did. */
export function isUndecided(error: BronzeError): boolean {
  return hasCode(error, "unavailable", "timeout");
}

/** The text of an element in an error document. */
export function element(document: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(document)?.[1];
}

function permissionAdvice(message: string): string {
  return message.includes('"ca"')
    ? "NODE_EXTRA_CA_CERTS is set, which needs --allow-sys and --allow-env=NODE_USE_SYSTEM_CA, or unset it"
    : "run again with the permission";
}
