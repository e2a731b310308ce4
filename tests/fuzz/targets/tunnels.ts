/**
 * What other clusters send: statements about their authorities, what tunnels are asked for, what their ends tell each
 * other, role maps.
 * @module
 */
import { Buffer } from "node:buffer";
import { openStatement, signStatement, statedCluster } from "../../../src/api/cluster_statement.ts";
import { mappingProblem, mapRoles } from "../../../src/model/role_map.ts";
import { parsePrivateKey } from "../../../src/ssh/private_key.ts";
import { WireReader } from "../../../src/ssh/wire.ts";
import { beatSchema, ControlChannel, helloSchema } from "../../../src/tunnel/control.ts";
import { readTransport, transportFields } from "../../../src/tunnel/transport.ts";
import { streamPair } from "../../kit/stream_pair.ts";
import { seedsOf } from "../seeds.ts";
import { decode, type FuzzTarget, text } from "../target.ts";

const NOW = Date.UTC(2026, 0, 15);
const key = parsePrivateKey(decode(seedsOf("privateKey")[0] ?? new Uint8Array()));
const line = key.publicKey.toLine();
const statement = signStatement({ cluster: "main", user: [line], host: [line, line] }, NOW, [key]);
const client = { address: "192.0.2.1", port: 5 };

export const tunnelTargets: readonly FuzzTarget[] = [
  {
    name: "cluster_statement",
    seeds: () => [statement],
    run(input) {
      statedCluster(input);
      const { cluster } = openStatement(input, { trusted: [key.publicKey], now: NOW });
      if (cluster !== "main") throw new Error(`a forged statement of ${cluster} was believed`);
    },
  },
  {
    name: "tunnel_transport",
    seeds: () => [
      transportFields({ to: { kind: "auth" }, client }),
      transportFields({ to: { kind: "node", host: "db1", port: 22 }, client }),
    ],
    run: (input) => readTransport(new WireReader(Buffer.from(input))),
  },
  {
    name: "tunnel_control",
    seeds: () =>
      text(
        '{"type":"hello","proxies":["a"],"statement":"YQ==","leaving":false}\n',
        '{"type":"beat","records":true}\n{"type":"beat","records":false,"statement":""}\n',
      ),
    async run(input, random) {
      const [near, far] = streamPair();
      const schema = random.below(2) === 0 ? helloSchema : beatSchema;
      const channel = new ControlChannel<unknown>(near, schema, (message) => JSON.stringify(message));
      far.on("error", () => {});
      far.end(Buffer.from(input));
      await channel.closed;
      far.destroy();
    },
  },
  {
    name: "role_map",
    seeds: () => text("admin\ndev\nadmin", "team-*\n$1\nteam-db", "*-*\n$2.$1\na-b"),
    run(input) {
      const [remote = "", local = "", role = ""] = decode(input).split("\n");
      const mapping = { remote, local: [local] };
      if (mappingProblem(mapping) === undefined) mapRoles([mapping], [role]);
    },
  },
];
