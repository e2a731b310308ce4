/**
 * Signs requests to AWS and to what speaks like it (AWS Signature Version 4, "Create a signed AWS API request").
 * @module
 */
import { createHash, createHmac } from "node:crypto";
import type { AwsKeys } from "../../model/store_settings.ts";

export interface AwsRequest {
  method: "GET" | "PUT" | "POST" | "DELETE" | "HEAD";
  url: URL;
  /** Lower-case names. They are all signed; `host` is added. */
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
}

export interface SigningScope {
  keys: AwsKeys;
  region: string;
  service: "dynamodb" | "s3" | "iam";
  /** Milliseconds since the epoch. */
  now: number;
}

const ALGORITHM = "AWS4-HMAC-SHA256";

/** The headers to send with a request, the signature among them. */
export function signedHeaders(request: AwsRequest, scope: SigningScope): Record<string, string> {
  const { keys, region, service, now } = scope;
  const time = new Date(now).toISOString().replace(/[-:]|\.\d+/g, "");
  const date = time.slice(0, 8);
  const payload = sha256(request.body);
  const headers: Record<string, string> = {
    ...request.headers,
    "x-amz-date": time,
    ...(service === "s3" ? { "x-amz-content-sha256": payload } : {}),
    ...(keys.sessionToken === undefined ? {} : { "x-amz-security-token": keys.sessionToken }),
  };
  const all: Record<string, string> = { ...headers, host: request.url.host };
  const names = Object.keys(all).sort();
  const canonical = [
    request.method,
    canonicalPath(request.url),
    canonicalQuery(request.url),
    ...names.map((name) => `${name}:${(all[name] ?? "").trim().replace(/ +/g, " ")}`),
    "",
    names.join(";"),
    payload,
  ].join("\n");
  const credential = `${date}/${region}/${service}/aws4_request`;
  const text = [ALGORITHM, time, credential, sha256(canonical)].join("\n");
  const key = ["aws4_request", service, region, date].reduceRight<Uint8Array | string>(
    (secret, part) => createHmac("sha256", secret).update(part).digest(),
    `AWS4${keys.secretKey}`,
  );
  const signature = createHmac("sha256", key).update(text).digest("hex");
  return {
    ...headers,
    authorization: `${ALGORITHM} Credential=${keys.accessKey}/${credential}, SignedHeaders=${
      names.join(";")
    }, Signature=${signature}`,
  };
}

/** Percent-encoded as AWS wants it: everything but letters, digits and `-._~`. */
export function awsEncoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The path as it stands in the URL: whoever made it has encoded it as {@linkcode awsEncoded} does. */
function canonicalPath(url: URL): string {
  return url.pathname;
}

function canonicalQuery(url: URL): string {
  const pairs = [...url.searchParams].map(([name, value]) => [awsEncoded(name), awsEncoded(value)] as const);
  return pairs.sort(([a, x], [b, y]) => a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1)
    .map((pair) => pair.join("=")).join("&");
}

function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}
