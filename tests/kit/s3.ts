/**
 * A server that speaks S3 on loopback: `s3rver` from the npm registry, which keeps files. It knows access keys, and does not check signatures.
 * @module
 */
import { systemClock } from "../../src/base/clock.ts";
import { AwsCredentials } from "../../src/store/aws/credentials.ts";
import { S3Client } from "../../src/store/aws/s3_client.ts";
import { freePort } from "./machine.ts";
import { eventually, run } from "./run.ts";

const PACKAGE = "npm:s3rver@3.7.1";
/** The only ones it knows. */
export const S3_KEYS = { accessKey: "S3RVER", secretKey: "S3RVER" };
export const BUCKET = "recordings-of-tests";
const REGION = "us-east-1";

/** True when it cannot be had; says so. */
export async function withoutS3(): Promise<boolean> {
  const { code, stderr } = await run(Deno.execPath(), ["cache", "-q", "--no-lock", PACKAGE], {
    timeoutMs: 120_000,
  });
  if (code !== 0) console.log(`skipped: ${PACKAGE} cannot be had: ${stderr}`);
  return code !== 0;
}

export class S3Server implements AsyncDisposable {
  private constructor(
    readonly process: Deno.ChildProcess,
    readonly directory: string,
    readonly port: number,
  ) {}

  static async start(): Promise<S3Server> {
    const directory = await Deno.makeTempDir({ prefix: "teleport-s3-" });
    const port = freePort();
    const process = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "-q", "--no-lock", "--no-config", PACKAGE, "--silent"],
        ...["-d", `${directory}/objects`, "-a", "127.0.0.1", "-p", `${port}`, "--configure-bucket", BUCKET],
      ],
      cwd: directory,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const server = new S3Server(process, directory, port);
    await eventually("the S3 server to answer", async () => {
      try {
        await (await fetch(server.endpoint)).body?.cancel();
        return true;
      } catch (error) {
        if (error instanceof TypeError) return undefined;
        throw error;
      }
    });
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** As `audit_sessions_uri` names it. */
  uri(prefix = "recordings"): string {
    return `s3://${BUCKET}/${prefix}?region=${REGION}&endpoint=${this.endpoint}`;
  }

  client(keys = S3_KEYS, bucket = BUCKET): S3Client {
    const credentials = new AwsCredentials({ kind: "keys", ...keys }, systemClock);
    return new S3Client({ bucket, region: REGION, endpoint: this.endpoint, credentials, clock: systemClock });
  }

  kill(): void {
    this.process.kill("SIGKILL");
    Deno.removeSync(this.directory, { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill("SIGKILL");
    await this.process.status;
    await Deno.remove(this.directory, { recursive: true });
  }
}
