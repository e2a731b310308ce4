/**
 * Folders full of files, made and compared, for tests of transfers.
 * @module
 */

/** Everything that a transfer keeps of one file or folder. */
export interface Leaf {
  /** Below the folder that was asked for. */
  path: string;
  /** SHA-256 of a file's content; absent for a folder. */
  digest?: string;
  mode: number;
  modified: number;
}

const SECOND = 1000;

/** Makes a folder with folders in it, files of many sizes, odd names, modes and times. Nobody else can list it. */
export async function makeTree(root: string): Promise<void> {
  const files: [path: string, size: number, mode: number][] = [
    ["empty", 0, 0o644],
    ["one byte", 1, 0o600],
    ["script.sh", 200, 0o755],
    ["32k", 32 * 1024, 0o644],
    ["255k", 255 * 1024, 0o644],
    ["255k and one", 255 * 1024 + 1, 0o640],
    ["some megabytes", 5_000_001, 0o644],
    ["sub/deeper/\u00fcn\u00efc\u00f6de \u{1f600}.txt", 17, 0o644],
    ["sub/-rf", 3, 0o644],
    ["sub/$HOME `id` 'quoted' \"too\"", 3, 0o644],
    ["sub/read-only", 10, 0o444],
  ];
  for (const folder of ["sub/deeper", "nothing in here", "closed"]) {
    await Deno.mkdir(`${root}/${folder}`, { recursive: true });
  }
  for (const [path, size, mode] of files) {
    const data = new Uint8Array(size);
    crypto.getRandomValues(data.subarray(0, Math.min(size, 65_536)));
    await Deno.writeFile(`${root}/${path}`, data);
    await Deno.chmod(`${root}/${path}`, mode);
    await Deno.utime(`${root}/${path}`, 1_000_000_000, 1_100_000_000 + size);
  }
  for (let index = 0; index < 60; index++) {
    await Deno.writeTextFile(`${root}/sub/deeper/${index}`, `${index}`);
  }
  await Deno.chmod(`${root}/closed`, 0o500);
  await Deno.utime(`${root}/nothing in here`, 1_000_000_000, 1_200_000_000);
  await Deno.utime(`${root}/sub`, 1_000_000_000, 1_300_000_000);
  await Deno.utime(root, 1_000_000_000, 1_400_000_000);
}

/** All that is in a folder, the folder itself included, sorted. */
export async function readTree(root: string): Promise<Leaf[]> {
  const leaves: Leaf[] = [];
  const visit = async (path: string) => {
    const full = `${root}${path}`;
    const info = await Deno.lstat(full);
    const modified = Math.floor((info.mtime?.getTime() ?? 0) / SECOND);
    const mode = (info.mode ?? 0) & 0o7777;
    leaves.push({ path, mode, modified, ...(info.isFile ? { digest: await digestOf(full) } : {}) });
    if (info.isDirectory) { for await (const { name } of Deno.readDir(full)) await visit(`${path}/${name}`); }
  };
  await visit("");
  return leaves.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** The same without what a transfer keeps only when asked to. */
export async function readContents(root: string): Promise<Pick<Leaf, "path" | "digest">[]> {
  return (await readTree(root)).map(({ path, digest }) => ({ path, digest }));
}

export async function digestOf(path: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Runs with a temporary folder, which is removed afterwards. */
export async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "teleport-files-" });
  try {
    await body(folder);
  } finally {
    await new Deno.Command("chmod", { args: ["-R", "u+rwx", folder] }).output();
    await Deno.remove(folder, { recursive: true });
  }
}
