import { assertEquals } from "@std/assert";
import { awsEncoded, signedHeaders } from "./sign.ts";

Deno.test("a request is signed as in the example of AWS's documentation", () => {
  const request = {
    method: "GET" as const,
    url: new URL("https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08"),
    headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
    body: new Uint8Array(),
  };
  const headers = signedHeaders(request, {
    keys: { accessKey: "AKIDEXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
    region: "us-east-1",
    service: "iam",
    now: Date.UTC(2015, 7, 30, 12, 36),
  });
  assertEquals(
    headers.authorization,
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, " +
      "SignedHeaders=content-type;host;x-amz-date, " +
      "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
  );
});

Deno.test("names are encoded as AWS wants them", () => {
  assertEquals(awsEncoded("a b/c!'()*~-_."), "a%20b%2Fc%21%27%28%29%2A~-_.");
});

// "Signature Calculations for the Authorization Header", Amazon S3 API reference.
const S3_EXAMPLES = [
  {
    what: "GET of some bytes",
    path: "/test.txt",
    headers: { range: "bytes=0-9" },
    signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
  },
  {
    what: "GET with a query of one word",
    path: "/?lifecycle=",
    headers: {},
    signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
  },
  {
    what: "GET of a list",
    path: "/?max-keys=2&prefix=J",
    headers: {},
    signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
  },
  {
    what: "PUT",
    method: "PUT" as const,
    path: "/test%24file.text",
    headers: { date: "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" },
    body: "Welcome to Amazon S3.",
    signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
  },
];

Deno.test("requests to S3 are signed as in the examples of its documentation", () => {
  for (const { what, method = "GET" as const, path, headers, body = "", signature } of S3_EXAMPLES) {
    const signed = signedHeaders({
      method,
      url: new URL(`https://examplebucket.s3.amazonaws.com${path}`),
      headers: headers as Record<string, string>,
      body: new TextEncoder().encode(body),
    }, {
      keys: { accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
      region: "us-east-1",
      service: "s3",
      now: Date.UTC(2013, 4, 24),
    });
    assertEquals(signed.authorization?.split("Signature=")[1], signature, what);
  }
});

Deno.test("keys that were lent for a while are sent with their token, which is signed as well", () => {
  const signed = signedHeaders(
    { method: "POST", url: new URL("https://example.com/"), headers: {}, body: new Uint8Array() },
    { keys: { accessKey: "A", secretKey: "s", sessionToken: "t" }, region: "r", service: "dynamodb", now: 0 },
  );
  assertEquals(signed["x-amz-security-token"], "t");
  assertEquals(signed.authorization?.includes("SignedHeaders=host;x-amz-date;x-amz-security-token"), true);
});
