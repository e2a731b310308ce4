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
