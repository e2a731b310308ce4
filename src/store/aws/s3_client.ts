/**
 * Objects in a bucket of S3, or of what speaks like it: the handful of calls that recordings need ("Amazon S3 API
 * reference", path-style addresses). See `dynamodb_client.ts` for why AWS's own library is not used.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { MINUTE } from "../../base/duration.ts";
import { AppError } from "../../base/errors.ts";
import { networkReason } from "../network_reason.ts";
import type { AwsCredentials } from "./credentials.ts";
import { awsEncoded, type AwsRequest, signedHeaders } from "./sign.ts";

export interface S3Options {
  bucket: string;
  region: string;
  /** `https://s3.eu-west-1.amazonaws.com` */
  endpoint: string;
  credentials: AwsCredentials;
  clock: Clock;
}

export interface S3Object {
  name: string;
  size: number;
  /** Milliseconds since the epoch. */
  modified: number;
}

const ATTEMPT_MS = 2 * MINUTE;
const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 200;

interface Call {
  method: AwsRequest["method"];
  name?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: Uint8Array;
  /** Statuses besides 2xx that the caller can use. */
  also?: readonly number[];
}

export class S3Client {
  readonly #http = Deno.createHttpClient({ http2: false });

  constructor(readonly options: S3Options) {}

  /** @returns false when `onlyNew` and there is such an object already */
  async put(name: string, body: Uint8Array, { onlyNew = false } = {}): Promise<boolean> {
    const headers: Record<string, string> = onlyNew ? { "if-none-match": "*" } : {};
    const answer = await this.#call({ method: "PUT", name, body, headers, also: onlyNew ? [409, 412] : [] });
    await answer.body?.cancel();
    return answer.ok;
  }

  /** Uploads in parts, each made when it is its turn: of a large object, no more than one is in memory. */
  async putParts(name: string, parts: AsyncIterable<Uint8Array>): Promise<void> {
    const begun = await (await this.#call({ method: "POST", name, query: { uploads: "" } })).text();
    const uploadId = textIn(begun, "UploadId")[0];
    if (uploadId === undefined) throw new AppError("unavailable", "S3: the answer names no upload");
    try {
      const tags: string[] = [];
      for await (const body of parts) {
        const query = { partNumber: String(tags.length + 1), uploadId };
        const answer = await this.#call({ method: "PUT", name, query, body });
        await answer.body?.cancel();
        tags.push(answer.headers.get("etag") ?? "");
      }
      const list = tags.map((tag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${tag}</ETag></Part>`)
        .join("");
      const body = new TextEncoder().encode(`<CompleteMultipartUpload>${list}</CompleteMultipartUpload>`);
      const done = await (await this.#call({ method: "POST", name, query: { uploadId }, body })).text();
      // The status comes before the work is done, and says nothing.
      const [code] = textIn(done, "Code");
      if (code !== undefined) {
        throw new AppError("unavailable", `S3: ${name} cannot be put together: ${code}`);
      }
    } catch (error) {
      const abort = this.#call({ method: "DELETE", name, query: { uploadId }, also: [404] });
      await abort.then((answer) => answer.body?.cancel(), () => {}); // the first error says more
      throw error;
    }
  }

  /** Some bytes of an object; undefined when there is none. */
  async get(name: string, offset: number, length: number): Promise<Uint8Array | undefined> {
    const headers = { range: `bytes=${offset}-${offset + length - 1}` };
    const answer = await this.#call({ method: "GET", name, headers, also: [404, 416] });
    if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
    await answer.body?.cancel();
    return answer.status === 404 ? undefined : new Uint8Array();
  }

  async head(name: string): Promise<S3Object | undefined> {
    const answer = await this.#call({ method: "HEAD", name, also: [404] });
    await answer.body?.cancel();
    if (!answer.ok) return undefined;
    const modified = Date.parse(answer.headers.get("last-modified") ?? "");
    return { name, size: Number(answer.headers.get("content-length") ?? 0), modified: modified || 0 };
  }

  /** The objects whose names begin with a prefix. */
  async list(prefix: string): Promise<S3Object[]> {
    const found: S3Object[] = [];
    let token: string | undefined;
    do {
      const query: Record<string, string> = { "list-type": "2", prefix };
      if (token !== undefined) query["continuation-token"] = token;
      const text = await (await this.#call({ method: "GET", query })).text();
      for (const piece of textIn(text, "Contents")) {
        const [name, size, modified] = ["Key", "Size", "LastModified"].map((tag) => textIn(piece, tag)[0]);
        if (name !== undefined) {
          found.push({
            name: unescaped(name),
            size: Number(size),
            modified: Date.parse(modified ?? "") || 0,
          });
        }
      }
      token = textIn(text, "NextContinuationToken").map(unescaped)[0];
    } while (token !== undefined);
    return found;
  }

  async remove(name: string): Promise<void> {
    const answer = await this.#call({ method: "DELETE", name, also: [404] });
    await answer.body?.cancel();
  }

  async #call(call: Call): Promise<Response> {
    const { clock, endpoint, bucket } = this.options;
    for (let attempt = 1, pause = FIRST_PAUSE_MS;; attempt++, pause *= 3) {
      let why: string;
      try {
        const answer = await this.#attempt(call);
        if (answer.ok || call.also?.includes(answer.status)) return answer;
        const text = await answer.text();
        why = `${textIn(text, "Code")[0] ?? `status ${answer.status}`}: ${textIn(text, "Message")[0] ?? ""}`;
        if (answer.status < 500 && answer.status !== 429) {
          throw new AppError("access_denied", `S3 refuses ${call.method} in bucket ${bucket}: ${why}`);
        }
      } catch (error) {
        if (error instanceof AppError && error.code !== "unavailable") throw error;
        why = networkReason(error);
      }
      if (attempt >= ATTEMPTS) {
        throw new AppError("unavailable", `S3 at ${endpoint}, bucket ${bucket}: ${why}`);
      }
      await new Promise<void>((resolve) => clock.after(pause, resolve));
    }
  }

  async #attempt(
    { method, name = "", query = {}, headers = {}, body = new Uint8Array() }: Call,
  ): Promise<Response> {
    const { bucket, region, endpoint, credentials } = this.options;
    const path = [bucket, ...name.split("/")].map(awsEncoded).join("/");
    const url = new URL(`${endpoint}/${path}`);
    const text = Object.entries(query).map(([key, value]) => `${awsEncoded(key)}=${awsEncoded(value)}`).join(
      "&",
    );
    url.search = text;
    const signed = signedHeaders({ method, url, headers, body }, {
      keys: await credentials.keys(),
      region,
      service: "s3",
      now: Date.now(),
    });
    const how: RequestInit & { client: Deno.HttpClient } = {
      method,
      headers: signed,
      body: method === "PUT" || method === "POST" ? body as BodyInit : undefined,
      redirect: "error",
      signal: AbortSignal.timeout(ATTEMPT_MS),
      client: this.#http,
    };
    return await fetch(url, how);
  }

  close(): void {
    this.#http.close();
  }
}

/** The contents of every element of a name, in an answer of S3; none of those read here holds one of its own name. */
function textIn(xml: string, tag: string): string[] {
  return [...xml.matchAll(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`, "g"))].map(([, text]) => text ?? "");
}

function unescaped(text: string): string {
  const letters: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => letters[name] ?? "");
}
