/**
 * An attacker in a process of its own, who opens connections and leaves them half-open:
 * `deno run -A half_open.ts PORT COUNT [hurry]`. A third each say nothing, greet, begin a key exchange. It says `opened` once all have been opened, and stays until its input
 * ends. A hundred wait at a time for the server's first word; in a hurry, it waits only for the system.
 * @module
 */
import { connect, type Socket } from "node:net";
import { WireWriter } from "../../src/ssh/wire.ts";
import { plainPacket } from "./tampering.ts";

/** A KEXINIT that our server can go on with. */
function kexInit(): Uint8Array {
  const writer = new WireWriter().byte(20).raw(new Uint8Array(16))
    .string("curve25519-sha256,kex-strict-c-v00@openssh.com").string("ssh-ed25519-cert-v01@openssh.com");
  for (const list of ["aes256-gcm@openssh.com", "hmac-sha2-256-etm@openssh.com", "none", ""]) {
    writer.string(list).string(list);
  }
  return writer.boolean(false).uint32(0).bytes();
}

/** How far a connection goes: no byte; an identification line and a KEXINIT; half of a key exchange. */
function openings(): Uint8Array[][] {
  const greeting = [new TextEncoder().encode("SSH-2.0-OpenSSH_9.9\r\n"), plainPacket(kexInit())];
  const point = new Uint8Array(32).fill(9);
  return [[], greeting, [...greeting, plainPacket(new WireWriter().byte(30).string(point).bytes())]];
}

/** Opens one connection and sends what it has to say. */
function open(port: number, says: readonly Uint8Array[], hurry: boolean): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      for (const bytes of says) socket.write(bytes);
      if (hurry) resolve(socket);
    });
    socket.on("error", () => {}); // the server hangs up on it
    socket.once("data", () => resolve(socket)).once("close", () => resolve(socket));
  });
}

if (import.meta.main) {
  const [port = "", count = "", hurry] = Deno.args;
  const kinds = openings();
  const sockets: Socket[] = [];
  let left = Number(count);
  const worker = async () => {
    while (left-- > 0) {
      sockets.push(await open(Number(port), kinds[left % kinds.length] ?? [], hurry !== undefined));
    }
  };
  await Promise.all(Array.from({ length: 100 }, worker));
  console.log("opened");
  for await (const _ of Deno.stdin.readable);
  Deno.exit(0);
}
