import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** A request as it arrived, before anything decoded or normalised it. */
export interface SignedRequest {
  method: string;
  /** Exactly as on the request line, up to the `?`. */
  rawPath: string;
  /** What follows the `?`; empty without one. */
  rawQuery: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** Not looked at when the request declares its payload unsigned. */
  bodySha256Hex: string;
}

/** Whether Google would take a request's signature, and what it would answer if not. */
export type SignatureVerdict =
  | { ok: true }
  | {
    ok: false;
    status: number;
    code: string;
    message: string;
    /** Further elements of the error document. */
    elements: Record<string, string>;
  };

/** What a canonical request is made of. */
export interface CanonicalParts {
  method: string;
  rawPath: string;
  rawQuery: string;
  headers: Record<string, string>;
  signedHeaders: string[];
  payload: string;
}

// https://cloud.google.com/storage/docs/authentication/signatures (GOOG4), and for AWS4
// https://cloud.google.com/storage/docs/migrating#authentication_in_a_simple_migration_scenario
const DIALECTS: Record<string, { headers: string; service: string; terminator: string }> = {
  GOOG4: { headers: "x-goog-", service: "storage", terminator: "goog4_request" },
  AWS4: { headers: "x-amz-", service: "s3", terminator: "aws4_request" },
};

const MAX_SKEW_MS = 15 * 60_000;
const AUTHORIZATION =
  /^(GOOG4|AWS4)-HMAC-SHA256 Credential=([^,\s]+), ?SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]{64})$/;

function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => "%" + sign.charCodeAt(0).toString(16).toUpperCase(),
  );
}

function canonicalPath(rawPath: string): string {
  return rawPath.split("/").map((part) => encodeStrictly(decodeURIComponent(part))).join("/");
}

function canonicalQuery(rawQuery: string): string {
  if (rawQuery === "") return "";
  return rawQuery.split("&").map((pair) => {
    const at = pair.indexOf("=");
    const [name, value] = at < 0 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
    return [encodeStrictly(decodeURIComponent(name)), encodeStrictly(decodeURIComponent(value))];
  }).sort(([nameA, valueA], [nameB, valueB]) => {
    if (nameA !== nameB) return nameA! < nameB! ? -1 : 1;
    return valueA! < valueB! ? -1 : 1;
  }).map((pair) => pair.join("=")).join("&");
}

/**
 * Builds the canonical request that a V4 signature covers.
 *
 * https://cloud.google.com/storage/docs/authentication/canonical-requests
 */
export function canonicalRequest(parts: CanonicalParts): string {
  const names = [...parts.signedHeaders].sort();
  const lines = names.map((name) =>
    `${name}:${(parts.headers[name] ?? "").trim().replace(/\s+/g, " ")}\n`
  );
  return [
    parts.method,
    canonicalPath(parts.rawPath),
    canonicalQuery(parts.rawQuery),
    lines.join(""),
    names.join(";"),
    parts.payload,
  ].join("\n");
}

/**
 * Builds the string that the key signs.
 *
 * https://cloud.google.com/storage/docs/authentication/signatures#string-to-sign
 */
export function stringToSign(
  algorithm: string,
  date: string,
  options: { scope: string; canonical: string },
): string {
  const hash = createHash("sha256").update(options.canonical).digest("hex");
  return [algorithm, date, options.scope, hash].join("\n");
}

function parseDate(text: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (parts === null) return NaN;
  const [, year, month, day, hour, minute, second] = parts;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

function refuse(
  status: number,
  code: string,
  options: { message: string; elements?: Record<string, string> },
): SignatureVerdict {
  return { ok: false, status, code, message: options.message, elements: options.elements ?? {} };
}

function incorrectHeader(): SignatureVerdict {
  return refuse(403, "InvalidSecurity", {
    message: "The provided security credentials are not valid.",
    elements: { Details: "Incorrect Authorization header" },
  });
}

function malformed(name: string, details: string): SignatureVerdict {
  return refuse(400, "MalformedSecurityHeader", {
    message: "Invalid argument.",
    elements: { Details: `Your request has a malformed header. ${details}`, ParameterName: name },
  });
}

function mismatch(elements: Record<string, string>): SignatureVerdict {
  return refuse(403, "SignatureDoesNotMatch", {
    message: "Access denied.",
    elements: {
      Details: "The request signature we calculated does not match the signature you provided. " +
        "Check your Google secret key and signing method.",
      ...elements,
    },
  });
}

/**
 * Verifies the V4 signature of a request's Authorization header the way Google documents it.
 *
 * The error codes are those of https://cloud.google.com/storage/docs/xml-api/reference-status.
 */
export function verifySignature(
  request: SignedRequest,
  keys: Map<string, string>,
  now: Date,
): SignatureVerdict {
  const { headers } = request;
  const parsed = AUTHORIZATION.exec(headers["authorization"] ?? "");
  if (parsed === null) return incorrectHeader();
  const [, prefix, credential, listed, signature] = parsed as unknown as string[];
  const dialect = DIALECTS[prefix!]!;
  const scopeParts = credential!.split("/");
  const [day, region, service, terminator] = scopeParts.splice(-4);
  const accessId = scopeParts.join("/");
  if (service !== dialect.service || terminator !== dialect.terminator || !region) {
    return incorrectHeader();
  }

  const dateName = dialect.headers + "date";
  const date = headers[dateName];
  if (date === undefined) {
    return refuse(400, "MissingSecurityHeader", {
      message: "Your request was missing a required header.",
      elements: { MissingHeaderName: dateName },
    });
  }
  const time = parseDate(date);
  if (Number.isNaN(time)) return malformed(dateName, "The date is not in the ISO 8601 basic form.");
  if (date.slice(0, 8) !== day) return malformed(dateName, "It differs from the credential scope.");
  if (Math.abs(time - now.getTime()) > MAX_SKEW_MS) {
    return refuse(403, "RequestTimeTooSkewed", {
      message: "The difference between the request time and the server's time is too large.",
    });
  }

  const secret = keys.get(accessId);
  if (secret === undefined) {
    return refuse(403, "InvalidAccessKeyId", {
      message: "The User Id you provided does not exist in our records.",
    });
  }

  const signedHeaders = listed!.split(";");
  const absent = signedHeaders.find((name) => headers[name] === undefined);
  if (absent !== undefined) {
    return malformed(absent, "Header was included in signedheaders, but not in the request.");
  }
  const unsigned = Object.keys(headers).find((name) =>
    (name === "host" || name.startsWith("x-goog-") || name.startsWith("x-amz-")) &&
    !signedHeaders.includes(name)
  );
  if (unsigned !== undefined) {
    return malformed(unsigned, "Header was included in the request, but not in signedheaders.");
  }

  const payloadName = dialect.headers + "content-sha256";
  const payload = headers[payloadName] ?? request.bodySha256Hex;
  if (payload !== "UNSIGNED-PAYLOAD") {
    if (!/^[0-9a-f]{64}$/.test(payload)) return malformed(payloadName, "It is not a SHA-256.");
    if (payload !== request.bodySha256Hex) {
      return mismatch({ ParameterName: payloadName, ComputedContentSHA256: request.bodySha256Hex });
    }
  }

  let canonical: string;
  try {
    // Whether Google signs the path as sent or as it would encode it is not documented: only a
    // path on which both agree is safe to send.
    if (canonicalPath(request.rawPath) !== request.rawPath) {
      return mismatch({ Path: request.rawPath, StrictlyEncoded: canonicalPath(request.rawPath) });
    }
    canonical = canonicalRequest({ ...request, signedHeaders, payload });
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return refuse(400, "InvalidURI", { message: "Couldn't parse the specified URI." });
  }
  const scope = [day!, region, service, terminator];
  const signed = stringToSign(`${prefix}-HMAC-SHA256`, date, {
    scope: scope.join("/"),
    canonical,
  });
  const key = scope.reduce<string | Uint8Array>(
    (derived, part) => createHmac("sha256", derived).update(part).digest(),
    prefix + secret,
  );
  const expected = createHmac("sha256", key).update(signed).digest();
  if (
    timingSafeEqual(
      expected,
      new Uint8Array(signature!.match(/../g)!.map((x) => parseInt(x, 16))),
    )
  ) {
    return { ok: true };
  }
  return mismatch({ StringToSign: signed, CanonicalRequest: canonical });
}
