import { BronzeError } from "../errors.ts";
import type { HttpResponse } from "../transport.ts";
import { type Attempt, transportError } from "./_service_error.ts";

/** No error document is longer. */
const MAX_DOCUMENT_BYTES = 64 * 1024;

/** Refuses a success that no object store has given: each names the object's ETag. */
export async function assertFromStore(response: HttpResponse, attempt: Attempt): Promise<void> {
  if (response.headers.etag) return;
  await textOf(response, attempt);
  throw new BronzeError(
    "unavailable",
    `Cannot ${attempt.action} ${attempt.uri}: something that is no object store answered with status ${response.status} and no ETag; try again, and check the endpoint`,
    { key: attempt.key },
  );
}

/** The body of a response, its failures told as what they are. */
export async function* bodyOf(
  response: HttpResponse,
  attempt: Attempt,
): AsyncGenerator<Uint8Array> {
  try {
    yield* response.body;
  } catch (error) {
    throw transportError(attempt, error);
  }
}

/** What a response says besides its head, as text; nothing of it once it is lost or too long. */
export async function textOf(response: HttpResponse, attempt: Attempt): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of response.body) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > MAX_DOCUMENT_BYTES) break;
    }
  } catch (error) {
    // The head has arrived, and it decides; of an abort or a timeout the caller must know.
    const known = transportError(attempt, error);
    if (known.code !== "network" && known.code !== "unknown_outcome") throw known;
  }
  return text;
}
