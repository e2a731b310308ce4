import { assert, assertEquals } from "@std/assert";
import { attachment } from "./attachment.ts";
import { Shares } from "./shares.ts";

Deno.test("each owner has a bound, and all together", () => {
  const shares = new Shares(3);
  const take = (owner: string) => shares.take([[owner, 2], ["everybody", 10]]);
  const first = take("joe");
  assert(first && take("joe"));
  assertEquals(take("joe"), undefined);
  assert(take("ann"));
  assertEquals(take("eve"), undefined, "three are in use");
  first();
  first();
  assertEquals(shares.size, 2, "given back once");
  assert(take("joe"));
});

Deno.test("a file's name reaches the browser whole, and never leaves its header", () => {
  assertEquals(attachment("a.txt"), `attachment; filename="a.txt"; filename*=UTF-8''a.txt`);
  assertEquals(
    attachment(`"\r\nSet-Cookie: x=1; ü'*`),
    `attachment; filename="___Set-Cookie_ x_1_ ___"; filename*=UTF-8''%22%0D%0ASet-Cookie%3A%20x%3D1%3B%20%C3%BC%27%2A`,
  );
  assertEquals(attachment(""), `attachment; filename="file"; filename*=UTF-8''`);
  assertEquals(attachment("\ud800"), `attachment; filename="_"; filename*=UTF-8''%EF%BF%BD`);
});
