import { assertEquals, assertNotEquals } from "@std/assert";
import { Daemon } from "../kit/cluster.ts";
import { LOGIN } from "../kit/machine.ts";

Deno.test("erasing everything under data_dir makes a new cluster: other authorities, no users", async () => {
  const directory = await Deno.makeTempDir({ prefix: "teleport-reset-" });
  try {
    let authorities;
    {
      await using daemon = await Daemon.start({ directory });
      await daemon.user("joe", [LOGIN]);
      assertEquals(JSON.parse(await daemon.tctlOk("users", "ls", "--format=json")).length, 1);
      authorities = await daemon.tctlOk("auth", "export", "--type=user");
    }
    await Deno.remove(`${directory}/data`, { recursive: true });
    await using daemon = await Daemon.start({ directory });
    assertEquals(JSON.parse(await daemon.tctlOk("users", "ls", "--format=json")), []);
    assertNotEquals(await daemon.tctlOk("auth", "export", "--type=user"), authorities);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
