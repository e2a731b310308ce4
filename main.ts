/**
 * The one executable. The name it is called by picks the tool (`teleport`, `tctl`, `tsh`, or `ssh` for tsh's client);
 * `teleport tctl ...` and `teleport tsh ...` work as well. A runtime that hides the name passes it in TELEPORT_CALLED_AS. Only the chosen tool's code is loaded.
 * @module
 */

const TOOLS = ["teleport", "tctl", "tsh"] as const;
type Tool = (typeof TOOLS)[number];

function isTool(name: string | undefined): name is Tool {
  return TOOLS.some((tool) => tool === name);
}

function choose(calledAs: string, args: string[]): { tool: Tool | "ssh" | "scp"; args: string[] } {
  const [first, ...rest] = args;
  if (calledAs === "ssh" || calledAs === "scp") return { tool: calledAs, args };
  if (calledAs === "tctl" || calledAs === "tsh") return { tool: calledAs, args };
  return isTool(first) ? { tool: first, args: rest } : { tool: "teleport", args };
}

async function run(tool: Tool | "ssh" | "scp", args: string[]): Promise<number> {
  switch (tool) {
    case "teleport":
      // Started for one session each: nothing else of the tool is loaded.
      if (args[0] === "sftp-server") return (await import("./cli/teleport/sftp_server.ts")).sftpServer();
      if (args[0] === "pam-session") {
        return await (await import("./cli/teleport/pam_session.ts")).pamSession();
      }
      return await (await import("./cli/teleport/teleport.ts")).teleport(args);
    case "tctl":
      return await (await import("./cli/tctl/tctl.ts")).tctl(args);
    case "tsh":
      return await (await import("./cli/tsh/tsh.ts")).tsh(args);
    case "ssh":
    case "scp":
      return await (await import("./cli/tsh/as_openssh.ts")).asOpenSsh(tool, args);
  }
}

if (import.meta.main) {
  const name = (Deno.env.get("TELEPORT_CALLED_AS") ?? Deno.execPath()).split("/").at(-1) ?? "";
  const { tool, args } = choose(name, Deno.args);
  Deno.exit(await run(tool, args));
}
